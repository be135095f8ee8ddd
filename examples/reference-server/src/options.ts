import { z } from 'zod'
import type { AutoCompactionMode, CorruptionCheckOptions } from '@orrery/store'
import { compactionModes, parseAutoCompaction } from './auto-compaction.ts'
import type { ConfigHubSettings } from './config-hub-options.ts'
import { configHubSwitches, resolveConfigHub } from './config-hub-options.ts'
import type { ListenAddress } from './listen-address.ts'
import type { InitialCluster } from './option-values.ts'
import {
  contentSize,
  count,
  duration,
  hostList,
  initialCluster,
  listenAddress,
  memberAddress,
  namespaceName,
  notYet,
  path,
  peerAddresses,
  redisUrl,
  releaseCount,
} from './option-values.ts'

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
    'listen-eureka': listenAddress,
    'listen-http': listenAddress,
    'eureka-namespace': namespaceName,
    'self-registration': z.boolean(),
    'start-in-order': z.boolean(),
    'advertise-http': memberAddress,
    'heartbeat-redis': redisUrl,
    'config-hub': z.enum(configHubSwitches, { error: `expected one of ${configHubSwitches.join(', ')}` }),
    'config-keys': path,
    'config-content-max': contentSize,
    'config-releases-max': releaseCount,
    'config-audit-retention': duration,
    'connections-max': count,
    'connections-per-host-max': count,
    'connections-allow': hostList,
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
  /** Members read the registry's state one after the other when they start, rather than all at once. */
  readonly startsInOrder: boolean
  /** Where others reach the HTTP API of this member, to bring it heartbeats. Undefined: where it listens. */
  readonly advertiseHttp: string | undefined
  /** URL of a Redis through which members see each other's heartbeats. Undefined: they forward them to each other. */
  readonly heartbeatRedis: string | undefined
}

/** How many clients may be connected, over all listeners together. */
export interface ConnectionLimitSettings {
  /** `Infinity`: as many as there are. */
  readonly totalMax: number
  /** `Infinity`: as many as there are. */
  readonly perHostMax: number
  /** IP addresses and subnets that have no limit of their own. */
  readonly allow: readonly string[]
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
  /** Where Eureka clients connect. Port 0 picks a free one. */
  readonly listenEureka: ListenAddress
  /** Where the registry and the configuration hub are served over HTTP and JSON. Port 0 picks a free one. */
  readonly listenHttp: ListenAddress
  /** Where Eureka's applications live in the registry. */
  readonly eurekaNamespace: string
  /** Registers the own listeners. */
  readonly hasSelfRegistration: boolean
  /** Undefined: there is no configuration hub. */
  readonly configHub: ConfigHubSettings | undefined
  readonly connectionLimits: ConnectionLimitSettings
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
  listenEureka: { host: '127.0.0.1', port: 8761 },
  listenHttp: { host: '127.0.0.1', port: 8090 },
  eurekaNamespace: 'default',
  grpcServer: 'fast',
  autoCompactionMode: 'periodic',
  autoCompactionRetention: '0',
} as const satisfies Partial<ReferenceServerOptions> & {
  readonly listenPeer: ListenAddress
  readonly autoCompactionMode: (typeof compactionModes)[number]
  readonly autoCompactionRetention: string
}

/** Options that mean something to a member with others only. */
export const peerOptionNames = [
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
  'start-in-order',
  'advertise-http',
  'heartbeat-redis',
] as const satisfies readonly OptionName[]

/** Options that mean something together only. */
export const tlsOptionNames = ['peer-cert-file', 'peer-key-file', 'peer-trusted-ca-file'] as const

/** By what the history is kept. */
export function compactionModeOf(merged: PartialOptions): (typeof compactionModes)[number] {
  return merged['auto-compaction-mode'] ?? optionDefaults.autoCompactionMode
}

/** How the history is kept. Undefined: what the options say means nothing. */
export function autoCompactionOf(merged: PartialOptions): AutoCompactionMode | 'off' | undefined {
  const retention = merged['auto-compaction-retention'] ?? optionDefaults.autoCompactionRetention
  return parseAutoCompaction(compactionModeOf(merged), retention)
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
    listenEureka: merged['listen-eureka'] ?? optionDefaults.listenEureka,
    listenHttp: merged['listen-http'] ?? optionDefaults.listenHttp,
    eurekaNamespace: merged['eureka-namespace'] ?? optionDefaults.eurekaNamespace,
    hasSelfRegistration: merged['self-registration'] ?? true,
    configHub: resolveConfigHub(merged),
    connectionLimits: {
      totalMax: limitOf(merged['connections-max']),
      perHostMax: limitOf(merged['connections-per-host-max']),
      allow: merged['connections-allow'] ?? [],
    },
    autoCompaction: autoCompaction === 'off' ? undefined : autoCompaction,
    peer: merged.memory === true ? undefined : resolvePeer(merged),
  }
}

/** No limit is asked for by 0, as elsewhere. */
function limitOf(given = 0): number {
  return given === 0 ? Infinity : given
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
    startsInOrder: merged['start-in-order'] ?? false,
    advertiseHttp: merged['advertise-http'],
    heartbeatRedis: merged['heartbeat-redis'],
  }
}
