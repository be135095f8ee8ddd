import { parseArgs } from 'node:util'
import { readConfigFile } from './config-file.ts'
import { ServerError } from './errors.ts'
import type { ServerRestore } from './restore.ts'
import type { OptionName, ReferenceServerOptions } from './options.ts'
import {
  contradictionOf,
  contradictionOfAll,
  grpcServers,
  logLevels,
  mergeOptions,
  optionsSchema,
  resolveOptions,
} from './options.ts'

/** How `--help` shows an option. `value` is the placeholder of its value; a switch has none. */
interface Usage {
  readonly value?: string
  readonly help: string
}

const options: Record<OptionName, Usage> = {
  name: { value: '<name>', help: 'name of this member (default: default)' },
  'data-dir': { value: '<path>', help: 'where the store lives (default: <name>.orrery, here)' },
  memory: { help: 'keep everything in memory, write nothing to disk' },
  'log-level': { value: '<level>', help: `${logLevels.join(', ')} (default: info)` },
  'listen-client': { value: '<address>', help: 'etcd clients, gRPC and JSON (default: 127.0.0.1:2379)' },
  'grpc-server': { value: '<which>', help: `${grpcServers.join(', ')} (default: fast)` },
  'listen-peer': { value: '<address>', help: 'other members (default: 127.0.0.1:2380)' },
  'advertise-peer': {
    value: '<addresses>',
    help: 'where others reach it: host:port,… (default: listen-peer)',
  },
  'initial-cluster': { value: '<members>', help: 'begin a cluster: name=host:port,…, this member included' },
  'initial-cluster-token': { value: '<text>', help: 'tells clusters apart that begin at the same addresses' },
  join: { value: '<addresses>', help: 'join the cluster of these members: host:port,…' },
  'force-new-cluster': { help: 'go on alone with what is there: the others are lost for good' },
  'member-thread': { help: 'keep the member in a thread of its own, beside that of clients' },
  'initial-corrupt-check': { help: 'do not start when others hold another history' },
  'corrupt-check-time': {
    value: '<duration>',
    help: 'how often the leader compares all members (0: never)',
  },
  'compact-hash-check-time': {
    value: '<duration>',
    help: 'how often it compares their compactions (0: never)',
  },
  'peer-cert-file': { value: '<file>', help: 'mutual TLS with other members: certificate,' },
  'peer-key-file': { value: '<file>', help: 'its key,' },
  'peer-trusted-ca-file': { value: '<file>', help: 'and who signs the certificates of all members' },
  'auto-compaction-mode': { value: '<mode>', help: 'periodic or revision (default: periodic)' },
  'auto-compaction-retention': {
    value: '<what>',
    help: 'history to keep: 1h30m, or so many revisions (0: all of it)',
  },
  'listen-eureka': { value: 'off', help: 'Eureka clients, 8761; does not exist yet' },
  'listen-http': { value: 'off', help: 'registry over HTTP, 8090; does not exist yet' },
  'listen-grpc': { value: 'off', help: 'registry over gRPC, 8091; does not exist yet' },
  'listen-config-grpc': { value: 'off', help: 'configuration over gRPC, 8093; does not exist yet' },
  'listen-xds': { value: 'off', help: 'xDS clients, 15010; does not exist yet' },
}

const commands: Readonly<Record<'config' | 'restore' | 'help' | 'version', Usage>> = {
  config: { value: '<file>', help: 'YAML file with the options above, by the same names; flags win' },
  restore: {
    value: '<file>',
    help: 'create the data directory from a file of etcdctl snapshot save',
  },
  help: { help: 'print this and exit' },
  version: { help: 'print the version and exit' },
}

/** What the command line asks for. */
export type Command =
  | { readonly type: 'serve'; readonly options: ReferenceServerOptions }
  | ({ readonly type: 'restore' } & ServerRestore)
  | { readonly type: 'help' }
  | { readonly type: 'version' }

/**
 * Reads the command line, and the configuration file that it names.
 *
 * @param argv arguments without the program's name
 * @throws ServerError `SERVER_OPTION_INVALID`, naming the flag, or file, line, column and key
 */
export function parseCommandLine(argv: readonly string[]): Command {
  const { config, restore, help, version, ...given } = parseFlags(argv)
  if (help === true) return { type: 'help' }
  if (version === true) return { type: 'version' }

  const result = optionsSchema.safeParse(given)
  if (!result.success) {
    const [issue] = result.error.issues
    throw wrong(`--${String(issue?.path[0])}: ${issue?.message ?? 'wrong'}`)
  }
  const contradiction = contradictionOf(result.data)
  if (contradiction !== undefined) throw wrong(`--${contradiction.key}: ${contradiction.reason}`)

  const file = typeof config === 'string' ? readConfigFile(config) : undefined
  const merged = mergeOptions(file?.options ?? {}, result.data)
  const conflict = contradictionOfAll(merged)
  if (conflict !== undefined) {
    const { key, reason } = conflict
    const isFlag = result.data[key] !== undefined || file === undefined
    throw wrong(`${isFlag ? `--${key}` : `${file.placeOf(key)}: ${key}`}: ${reason}`)
  }
  const resolved = resolveOptions(merged)
  if (typeof restore !== 'string') {
    if (resolved.listenClient === 'off') throw wrong('--listen-client: off leaves nothing to serve')
    return { type: 'serve', options: resolved }
  }
  if (resolved.dataDir === undefined) throw wrong('--restore: there is no data directory with --memory')
  if (merged.join !== undefined) throw wrong('--restore: begins a cluster, so it excludes join')
  if (resolved.peer?.listen.port === 0 && resolved.peer.advertise === undefined) {
    throw wrong('--restore: members have to know each other: listen-peer needs a port')
  }
  const { name, dataDir, peer } = resolved
  return { type: 'restore', file: restore, name, dataDir, peer }
}

function parseFlags(argv: readonly string[]): Record<string, unknown> {
  const known = Object.entries({ ...options, ...commands }).map(
    ([name, usage]: [string, Usage]) =>
      [name, { type: usage.value === undefined ? 'boolean' : 'string' } as const] as const,
  )
  try {
    return parseArgs({ args: [...argv], options: Object.fromEntries(known), strict: true }).values
  } catch (cause) {
    // Node's message goes on with advice about its own conventions after the first sentence.
    const [sentence = ''] = cause instanceof Error ? cause.message.split(/\. |\n/) : []
    throw wrong(`${sentence.replace(/\.$/, '')} (see --help)`, cause)
  }
}

function wrong(reason: string, cause?: unknown): ServerError {
  return new ServerError('SERVER_OPTION_INVALID', reason, { cause })
}

/** The text of `--help`. */
export function helpText(): string {
  const line = ([name, { value, help }]: readonly [string, Usage]): string =>
    `  ${`--${name}${value === undefined ? '' : ` ${value}`}`.padEnd(35)} ${help}`
  return [
    'Usage: npm start -- [options]',
    '',
    'Runs an embedded store and speaks etcd v3 to clients. An address is host:port,',
    '[ipv6]:port or off; port 0 picks a free one. A duration is 1h30m, 10s or 500ms.',
    '',
    ...Object.entries(options).map(line),
    '',
    ...Object.entries(commands).map(line),
    '',
  ].join('\n')
}
