import { z } from 'zod'
import type { AutoCompactionMode, CorruptionCheckOptions } from '@orrery/store'
import { compactionModes, parseAutoCompaction } from './auto-compaction.ts'
import type { ListenAddress } from './listen-address.ts'
import type { InitialCluster } from './option-values.ts'
import { duration, initialCluster, listenAddress, notYet, path, peerAddresses } from './option-values.ts'

/** How much is logged, from most to least. */
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const

/** Servers that speak gRPC, the same for their clients. */
export const grpcServers = ['fast', 'grpc-js'] as const

/** One of {@link logLevels}. */
export type LogLevel = (typeof logLevels)[number]

/** All options under their one name: `--name` on the command line, `name:` in the file. */
export const optionsSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[\w.-]+$/, 'expected letters, digits, dot, underscore or hyphen')
      .refine((name) => !/^\.+$/.test(name), 'expected a name, not a path'),
    'data-dir': path,
    memory: z.boolean(),
    'log-level': z.enum(logLevels, { error: `expected one of ${logLevels.join(', ')}` }),
    'listen-client': listenAddress,
    'grpc-server': z.enum(grpcServers, { error: `expected one of ${grpcServers.join(', ')}` }),
    'listen-peer': listenAddress,
    'advertise-peer': peerAddresses,
    'initial-cluster': initialCluster,
    'initial-cluster-token': z.string().min(1, 'expected a text'),
    join: peerAddresses,
    'force-new-cluster': z.boolean(),
    'member-thread': z.boolean(),
    'initial-corrupt-check': z.boolean(),
    'corrupt-check-time': duration,
    'compact-hash-check-time': duration,
    'auto-compaction-mode': z.enum(compactionModes, {
      error: `expected one of ${compactionModes.join(', ')}`,
    }),
    'auto-compaction-retention': z.union([z.string(), z.number()]).transform(String),
    'peer-cert-file': path,
    'peer-key-file': path,
    'peer-trusted-ca-file': path,
    'listen-eureka': notYet,
    'listen-http': notYet,
    'listen-grpc': notYet,
    'listen-config-grpc': notYet,
    'listen-xds': notYet,
  })
  .partial()

/** Options as one source gives them, checked but incomplete. */
export type PartialOptions = z.output<typeof optionsSchema>

/** The name of an option, the same on the command line and in the file. */
export type OptionName = keyof PartialOptions

/** What a member proves itself to others with. Paths of PEM files. */
export interface PeerTlsFiles {
  readonly certFile: string
  readonly keyFile: string
  /** Who signs the certificates of all members. */
  readonly trustedCaFile: string
}

/** How this member and others keep the store together. */
export interface PeerOptions {
  readonly listen: Exclude<ListenAddress, 'off'>
  /** Where others reach it, when its cluster begins or it joins. Undefined: what `initialCluster` says, or `listen`. */
  readonly advertise: readonly string[] | undefined
  /** Of a cluster that begins. Undefined: this member alone. */
  readonly initialCluster: InitialCluster | undefined
  readonly initialClusterToken: string | undefined
  /** Peer addresses of a cluster that has a place for this member. */
  readonly join: readonly string[] | undefined
  /** Goes on alone with what the data directory holds; the others are lost. */
  readonly forceNewCluster: boolean
  /** Keeps the member in a thread of its own: it goes on when the loop that serves clients is blocked. */
  readonly hasThread: boolean
  readonly corruptionCheck: Required<CorruptionCheckOptions>
  /** Undefined: plain TCP. */
  readonly tls: PeerTlsFiles | undefined
}

/** What the reference server needs to know, complete. */
export interface ReferenceServerOptions {
  readonly name: string
  /** Directory of the store; undefined keeps everything in memory. */
  readonly dataDir: string | undefined
  readonly logLevel: LogLevel
  /** Where etcd clients connect, gRPC and JSON on one port. Port 0 picks a free one. */
  readonly listenClient: ListenAddress
  /** What serves gRPC: `@orrery/grpc-server`, or the server of grpc-js. */
  readonly grpcServer: (typeof grpcServers)[number]
  /** How old revisions are forgotten. Undefined: they are not. */
  readonly autoCompaction: AutoCompactionMode | undefined
  /** Undefined: this process keeps the store alone, for ever. */
  readonly peer: PeerOptions | undefined
}

/** What {@link resolveOptions} uses when no source gives an option. */
export const optionDefaults = {
  name: 'default',
  logLevel: 'info',
  listenClient: { host: '127.0.0.1', port: 2379 },
  listenPeer: { host: '127.0.0.1', port: 2380 },
  grpcServer: 'fast',
  autoCompactionMode: 'periodic',
  autoCompactionRetention: '0',
} as const satisfies Pick<ReferenceServerOptions, 'name' | 'logLevel' | 'listenClient' | 'grpcServer'> & {
  readonly listenPeer: ListenAddress
  readonly autoCompactionMode: (typeof compactionModes)[number]
  readonly autoCompactionRetention: string
}

/** Options that mean something to a member with others only. */
const peerOptionNames = [
  'advertise-peer',
  'initial-cluster',
  'initial-cluster-token',
  'join',
  'force-new-cluster',
  'member-thread',
  'initial-corrupt-check',
  'corrupt-check-time',
  'compact-hash-check-time',
  'peer-cert-file',
  'peer-key-file',
  'peer-trusted-ca-file',
] as const satisfies readonly OptionName[]

const tlsOptionNames = ['peer-cert-file', 'peer-key-file', 'peer-trusted-ca-file'] as const

/** An option that does not fit to others. */
export interface Contradiction {
  readonly key: OptionName
  readonly reason: string
}

/** Why the options of one source contradict each other, or undefined. */
export function contradictionOf(source: PartialOptions): Contradiction | undefined {
  if (source.memory === true && source['data-dir'] !== undefined) {
    return { key: 'memory', reason: 'keeps nothing on disk, so it excludes data-dir' }
  }
  const listensToPeers = source['listen-peer'] !== undefined && source['listen-peer'] !== 'off'
  if (source.memory === true && listensToPeers) {
    return { key: 'memory', reason: 'keeps nothing for other members, so it excludes listen-peer' }
  }
  if (source.join !== undefined && source['initial-cluster'] !== undefined) {
    return { key: 'join', reason: 'finds a cluster that exists, so it excludes initial-cluster' }
  }
  return undefined
}

/** Why the options of all sources together cannot be, or undefined. */
export function contradictionOfAll(merged: PartialOptions): Contradiction | undefined {
  const contradiction = contradictionOf(merged)
  if (contradiction !== undefined) return contradiction
  const peerOption = peerOptionNames.find((name) => merged[name] !== undefined)
  if (peerOption !== undefined && (merged.memory === true || merged['listen-peer'] === 'off')) {
    const cause = merged.memory === true ? 'memory' : 'listen-peer: off'
    return { key: peerOption, reason: `there are no other members with ${cause}` }
  }
  const tlsOption = tlsOptionNames.find((name) => merged[name] !== undefined)
  const missing = tlsOptionNames.find((name) => merged[name] === undefined)
  if (tlsOption !== undefined && missing !== undefined) {
    return { key: tlsOption, reason: `needs ${missing} beside it` }
  }
  if (autoCompactionOf(merged) === undefined) {
    const mode = compactionModeOf(merged)
    const form = mode === 'revision' ? 'a number of revisions' : 'a duration such as 1h30m, or hours'
    return { key: 'auto-compaction-retention', reason: `expected ${form} in mode ${mode}` }
  }
  const name = merged.name ?? optionDefaults.name
  const members = merged['initial-cluster']
  if (members !== undefined && !members.has(name)) {
    const known = [...members.keys()].join(', ')
    return { key: 'initial-cluster', reason: `has no member ${name}, only ${known}` }
  }
  const advertised = merged['advertise-peer']
  const agreed = members?.get(name)
  if (advertised !== undefined && agreed !== undefined && !isSameSet(advertised, agreed)) {
    return { key: 'advertise-peer', reason: `initial-cluster has ${name} at ${agreed.join(', ')}` }
  }
  return undefined
}

function compactionModeOf(merged: PartialOptions): (typeof compactionModes)[number] {
  return merged['auto-compaction-mode'] ?? optionDefaults.autoCompactionMode
}

function autoCompactionOf(merged: PartialOptions): AutoCompactionMode | 'off' | undefined {
  const retention = merged['auto-compaction-retention'] ?? optionDefaults.autoCompactionRetention
  return parseAutoCompaction(compactionModeOf(merged), retention)
}

function isSameSet(some: readonly string[], others: readonly string[]): boolean {
  return some.every((one) => others.includes(one)) && others.every((one) => some.includes(one))
}

/**
 * Lays later sources over earlier ones. A source that says `memory` takes back the data directory and the
 * peers of an earlier one, and the reverse.
 *
 * @param sources from weakest to strongest
 */
export function mergeOptions(...sources: readonly PartialOptions[]): PartialOptions {
  let merged: PartialOptions = {}
  for (const source of sources) {
    const needsDisk = source['data-dir'] ?? peerOptionNames.find((name) => source[name] !== undefined)
    const listensToPeers = source['listen-peer'] !== undefined && source['listen-peer'] !== 'off'
    if (needsDisk !== undefined || listensToPeers) merged = { ...merged, memory: undefined }
    if (source.memory === true) merged = withoutDisk(merged)
    if (source.join !== undefined) merged = { ...merged, 'initial-cluster': undefined }
    if (source['initial-cluster'] !== undefined) merged = { ...merged, join: undefined }
    merged = { ...merged, ...source }
  }
  return merged
}

function withoutDisk(options: PartialOptions): PartialOptions {
  const onDisk = ['data-dir', 'listen-peer', ...peerOptionNames] as const
  return { ...options, ...Object.fromEntries(onDisk.map((name) => [name, undefined])) }
}

/** Fills in the defaults. */
export function resolveOptions(merged: PartialOptions): ReferenceServerOptions {
  const name = merged.name ?? optionDefaults.name
  const autoCompaction = autoCompactionOf(merged)
  return {
    name,
    dataDir: merged.memory === true ? undefined : (merged['data-dir'] ?? `${name}.orrery`),
    logLevel: merged['log-level'] ?? optionDefaults.logLevel,
    listenClient: merged['listen-client'] ?? optionDefaults.listenClient,
    grpcServer: merged['grpc-server'] ?? optionDefaults.grpcServer,
    autoCompaction: autoCompaction === 'off' ? undefined : autoCompaction,
    peer: merged.memory === true ? undefined : resolvePeer(merged),
  }
}

function resolvePeer(merged: PartialOptions): PeerOptions | undefined {
  const listen = merged['listen-peer'] ?? optionDefaults.listenPeer
  if (listen === 'off') return undefined
  const [certFile, keyFile, trustedCaFile] = tlsOptionNames.map((name) => merged[name])
  const hasTls = certFile !== undefined && keyFile !== undefined && trustedCaFile !== undefined
  return {
    listen,
    advertise: merged['advertise-peer'],
    initialCluster: merged['initial-cluster'],
    initialClusterToken: merged['initial-cluster-token'],
    join: merged.join,
    forceNewCluster: merged['force-new-cluster'] ?? false,
    hasThread: merged['member-thread'] ?? false,
    corruptionCheck: {
      atStart: merged['initial-corrupt-check'] ?? false,
      intervalMs: merged['corrupt-check-time'] ?? 0,
      compactionIntervalMs: merged['compact-hash-check-time'] ?? 0,
    },
    tls: hasTls ? { certFile, keyFile, trustedCaFile } : undefined,
  }
}
