import { fileURLToPath } from 'node:url'
import { freePorts, startProcess } from './child.ts'
import { type EtcdLikeServer, healthy } from './etcd.ts'

const repository = fileURLToPath(new URL('../../../', import.meta.url))

export interface OrreryOptions {
  /** Where it keeps its data. @defaultValue in memory */
  readonly directory?: string
  /** @defaultValue a free port */
  readonly port?: number
  readonly args?: readonly string[]
}

/** Starts the reference server, from its sources, and waits until it serves. */
export async function startOrrery(options: OrreryOptions = {}): Promise<EtcdLikeServer> {
  const [freePort = 0] = await freePorts(1)
  const endpoint = `127.0.0.1:${options.port ?? freePort}`
  const url = `http://${endpoint}`
  const data = options.directory === undefined ? ['--memory'] : ['--data-dir', options.directory]
  const server = await startProcess(
    process.execPath,
    [
      ...['--conditions=@orrery/source', '--import', 'tsx', 'examples/reference-server/src/main.ts'],
      ...data,
      ...['--listen-client', endpoint],
      ...(options.args ?? []),
    ],
    { cwd: repository },
  )
  await server.line('ready')
  await healthy(url, server)
  return {
    name: 'orrery',
    endpoint,
    url,
    process: server,
    stop: (signal) => server.stop(signal),
    [Symbol.asyncDispose]: () => server.stop('SIGKILL'),
  }
}
