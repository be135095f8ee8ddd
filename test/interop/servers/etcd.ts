import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePorts } from '../../free-ports.ts'
import { type ServerProcess, startProcess } from './child.ts'

/** A server that speaks the etcd v3 protocol, whoever wrote it. */
export interface EtcdLikeServer extends AsyncDisposable {
  readonly name: string
  /** Host and port, as gRPC clients want it. */
  readonly endpoint: string
  /** The same with `http://`. */
  readonly url: string
  readonly process: ServerProcess
  stop(signal?: NodeJS.Signals): Promise<void>
}

export interface EtcdOptions {
  /** @defaultValue a fresh directory in memory, removed at the end */
  readonly directory?: string
  /** @defaultValue a free port */
  readonly port?: number
  readonly args?: readonly string[]
}

/** A directory on a file system that loses nothing to slow disks: etcd 3.4 cannot switch its fsync off. */
export function memoryDirectory(name: string): Promise<string> {
  const parent = process.platform === 'linux' ? '/dev/shm' : tmpdir()
  return mkdtemp(join(parent, `orrery-interop-${name}-`))
}

/** What servers that an error cut short would leave in memory. */
const temporary = new Set<string>()
process.once('exit', () => {
  for (const directory of temporary) rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
})

/** Starts a real etcd server with one member and waits until it serves. */
export async function startEtcd(options: EtcdOptions = {}): Promise<EtcdLikeServer> {
  const [freePort = 0, peerPort = 0] = await freePorts(2)
  const endpoint = `127.0.0.1:${options.port ?? freePort}`
  const url = `http://${endpoint}`
  const peerUrl = `http://127.0.0.1:${peerPort}`
  const directory = options.directory ?? (await memoryDirectory('etcd'))
  if (options.directory === undefined) temporary.add(directory)
  const args = [
    ...['--name', 'default', '--data-dir', directory, '--logger', 'zap', '--log-level', 'error'],
    ...['--listen-client-urls', url, '--advertise-client-urls', url],
    ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
    ...['--initial-cluster', `default=${peerUrl}`],
    ...(options.args ?? []),
  ]
  const server = await startProcess('etcd', args, { debianPackage: 'etcd-server' })
  await healthy(url, server)
  return {
    name: 'etcd',
    endpoint,
    url,
    process: server,
    stop: (signal) => server.stop(signal),
    [Symbol.asyncDispose]: async () => {
      await server.stop('SIGKILL')
      if (temporary.delete(directory)) await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Waits until the server reports that it has a leader. */
export async function healthy(url: string, server: ServerProcess): Promise<void> {
  const failed = new AbortController()
  void server.ended.then(() => {
    failed.abort()
  })
  while (!(await reportsHealth(url))) {
    if (failed.signal.aborted) throw new Error(`the server ended before it served:\n${server.output()}`)
    await delay(20)
  }
}

async function reportsHealth(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health`)
    await response.arrayBuffer()
    return response.ok
  } catch {
    // Not listening yet.
    return false
  }
}
