// The arrows of the package map: who may import whom. `npm run check:layers` holds the tree against them.

/** Packages by layer, lowest first. A package may import packages of lower layers, and those named beside it. */
/** @type {{ packages: string[], also?: Record<string, string[]> }[]} */
const layers = [
  { packages: ['environment'] },
  { packages: ['timer-wheel', 'batching', 'lease', 'mvcc', 'raft'], also: { lease: ['timer-wheel'] } },
  { packages: ['wal', 'mvcc-lmdb', 'grpc-server', 'connection-limits'] },
  {
    packages: ['raft-node', 'store', 'transport-tcp', 'store-etcd'],
    also: { store: ['raft-node'], 'transport-tcp': ['raft-node'], 'store-etcd': ['store'] },
  },
  {
    packages: ['registry', 'config-hub', 'governance', 'auth', 'simulation'],
    also: { simulation: ['registry', 'config-hub'] },
  },
  {
    packages: [
      'adapter-etcd',
      'adapter-eureka',
      'adapter-polaris',
      'adapter-xds',
      'client',
      'gateway',
      'heartbeat-redis',
      'http-api',
    ],
    also: { gateway: ['client'] },
  },
]

/** @type {object[]} */
const forbidden = [
  {
    name: 'no-cycles',
    severity: 'error',
    from: {},
    to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
  },
  {
    name: 'packages-do-not-import-hosts',
    severity: 'error',
    from: { path: '^packages/' },
    to: { path: '^(examples|test|bench)/' },
  },
  {
    name: 'no-reaching-into-packages',
    comment: 'Import the package, never another package’s file.',
    severity: 'error',
    from: { path: '^(packages/[^/]+|examples/[^/]+|test|bench)/' },
    to: {
      path: '^packages/([^/]+)/src/',
      pathNot: '^packages/[^/]+/src/(index|system|testing|testing/index)\\.ts$|^$1/',
    },
  },
]

/** @type {string[]} */
const below = []
for (const { packages, also = {} } of layers) {
  for (const name of packages) {
    const allowed = [name, ...below, ...(also[name] ?? [])]
    forbidden.push({
      name: `layer-of-${name}`,
      severity: 'error',
      from: { path: `^packages/${name}/src/` },
      to: { path: '^packages/[^/]+/', pathNot: `^packages/(${allowed.join('|')})/` },
    })
  }
  below.push(...packages)
}

module.exports = {
  forbidden,
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@orrery/source', 'import', 'types', 'node', 'default'],
      extensions: ['.ts', '.js', '.json'],
    },
  },
}
