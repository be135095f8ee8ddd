import { configHubSwitches } from './config-hub-options.ts'
import type { OptionName } from './options.ts'
import { grpcServers, logLevels } from './options.ts'

/** How `--help` shows an option. `value` is the placeholder of its value; a switch has none. */
export interface Usage {
  readonly value?: string
  readonly help: string
}

/** All options, in the order of the help. */
export const optionUsages: Readonly<Record<OptionName, Usage>> = {
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
  'listen-eureka': { value: '<address>', help: 'Eureka clients (default: 127.0.0.1:8761)' },
  'listen-http': { value: '<address>', help: 'registry and configuration (default: 127.0.0.1:8090)' },
  'eureka-namespace': { value: '<name>', help: 'where its applications live (default: default)' },
  'self-registration': { help: 'register the own listeners (--no-self-registration: do not)' },
  'start-in-order': { help: 'members read the registry one after the other when they start' },
  'advertise-http': {
    value: '<address>',
    help: 'where members bring heartbeats (default: listen-http)',
  },
  'heartbeat-redis': {
    value: '<where>',
    help: 'heartbeats go through this Redis instead: host:port or URL',
  },
  'config-hub': {
    value: '<which>',
    help: `${configHubSwitches.join(', ')} (default: on, if listen-http is)`,
  },
  'config-keys': { value: '<file>', help: 'keys for encrypted files: JSON, for its owner only' },
  'config-content-max': {
    value: '<bytes>',
    help: 'largest content of a file (default: 1048576, and not more)',
  },
  'config-releases-max': { value: '<number>', help: 'releases of each file to keep (default: 100)' },
  'config-audit-retention': {
    value: '<duration>',
    help: 'how long its audit trail is kept (default: 8760h; 0: for ever)',
  },
  'connections-max': { value: '<number>', help: 'clients connected at all listeners (0: no limit)' },
  'connections-per-host-max': { value: '<number>', help: 'of them, from one host (0: no limit)' },
  'connections-allow': { value: '<hosts>', help: 'hosts without such a limit: 10.0.0.0/8,::1,…' },
  'listen-grpc': { value: 'off', help: 'registry over gRPC, 8091; does not exist yet' },
  'listen-config-grpc': { value: 'off', help: 'configuration over gRPC, 8093; does not exist yet' },
  'listen-xds': { value: 'off', help: 'xDS clients, 15010; does not exist yet' },
}

/** What is no option of a server, and so not in a file. */
export const commandUsages: Readonly<Record<'config' | 'restore' | 'help' | 'version', Usage>> = {
  config: { value: '<file>', help: 'YAML file with the options above, by the same names; flags win' },
  restore: {
    value: '<file>',
    help: 'create the data directory from a file of etcdctl snapshot save',
  },
  help: { help: 'print this and exit' },
  version: { help: 'print the version and exit' },
}

/** The text of `--help`. */
export function helpText(): string {
  const line = ([name, { value, help }]: readonly [string, Usage]): string =>
    `  ${`--${name}${value === undefined ? '' : ` ${value}`}`.padEnd(35)} ${help}`
  return [
    'Usage: npm start -- [options]',
    '',
    'Runs a store, a service registry and a configuration hub, for clients of etcd v3, Eureka and',
    'HTTP. An address is host:port, [ipv6]:port or off; port 0 picks a free one. A duration is',
    '1h30m, 10s or 500ms.',
    '',
    ...Object.entries(optionUsages).map(line),
    '',
    ...Object.entries(commandUsages).map(line),
    '',
  ].join('\n')
}
