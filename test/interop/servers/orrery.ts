import { fileURLToPath } from 'node:url'
import { freePorts } from '../../free-ports.ts'
import { type ServerProcess, startProcess } from './child.ts'
import { type EtcdLikeServer, healthy } from './etcd.ts'

const repository = fileURLToPath(new URL('../../../', import.meta.url))

/** The reference server, from its sources. */
const program = ['--conditions=@orrery/source', '--import', 'tsx', 'examples/reference-server/src/main.ts']

/** Servers of gRPC that clients must not be able to tell apart. */
export const grpcServerKinds = ['fast', 'grpc-js'] as const

/** One of {@link grpcServerKinds}. */
export type GrpcServerKind = (typeof grpcServerKinds)[number]

export interface OrreryOptions {
  /** Where it keeps its data. @defaultValue in memory */
  readonly directory?: string
  /** @defaultValue a free port */
  readonly port?: number
  /** Host and port for other members. @defaultValue off: it keeps its data alone */
  readonly peer?: string
  readonly args?: readonly string[]
  /** Whether it has a registry; where Eureka clients and its HTTP API listen is for `args` to say. @defaultValue `false` */
  readonly registry?: boolean
  /** What serves gRPC. @defaultValue that of the reference server */
  readonly grpcServer?: GrpcServerKind
  /** Whether to wait until it reports its health, not only until it is ready. @defaultValue `true` */
  readonly healthy?: boolean
}

/** Starts the reference server, from its sources. */
export function startProgram(args: readonly string[]): Promise<ServerProcess> {
  return startProcess(process.execPath, [...program, ...args], { cwd: repository })
}

/** Starts the reference server, from its sources, and waits until it serves. */
export async function startOrrery(options: OrreryOptions = {}): Promise<EtcdLikeServer> {
  const [freePort = 0] = await freePorts(1)
  const endpoint = `127.0.0.1:${options.port ?? freePort}`
  const url = `http://${endpoint}`
  const onDisk = (directory: string): readonly string[] => [
    ...['--data-dir', directory],
    ...['--listen-peer', options.peer ?? 'off'],
  ]
  const data = options.directory === undefined ? ['--memory'] : onDisk(options.directory)
  const grpc = options.grpcServer === undefined ? [] : ['--grpc-server', options.grpcServer]
  const registry = options.registry === true ? [] : ['--listen-eureka', 'off', '--listen-http', 'off']
  const args = [...data, '--listen-client', endpoint, ...registry, ...grpc, ...(options.args ?? [])]
  const server = await startProgram(args)
  await server.line('ready')
  if (options.healthy !== false) await healthy(url, server)
  return {
    name: 'orrery',
    endpoint,
    url,
    process: server,
    stop: (signal) => server.stop(signal),
    [Symbol.asyncDispose]: () => server.stop('SIGKILL'),
  }
}

/**
 * Creates a data directory from a file that `etcdctl snapshot save` wrote.
 *
 * @param member its options, if it is that of a member
 */
export async function restoreOrrery(
  file: string,
  directory: string,
  member: readonly string[] = ['--listen-peer', 'off'],
): Promise<void> {
  const restore = await startProgram(['--restore', file, '--data-dir', directory, ...member])
  await restore.ended
}
