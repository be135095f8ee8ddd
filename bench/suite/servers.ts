import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { builtProgram } from './built-program.ts'
import { endWithThisProcess } from './child-process.ts'
import type { Sides } from './comparison.ts'
import { startEtcd } from './etcd-peer.ts'
import { withDirectory } from './temporary.ts'

/** A server in a process of its own. */
export interface ServerProcess {
  /** host:port */
  readonly endpoint: string
  readonly pids: readonly number[]
  stop(): void
}

/** What the reference server is measured as, in words for the table. */
export const referenceServer = 'the reference server, a cluster of one member on disk'

/** Starts the reference server as it is by default, a cluster of one member, on a fresh directory. */
async function startReferenceServer(directory: string): Promise<ServerProcess> {
  return startServer(await builtProgram('examples/reference-server/src/main.ts'), [
    ...['--data-dir', join(directory, 'member'), '--log-level', 'error'],
    ...['--listen-client', '127.0.0.1:0', '--listen-peer', '127.0.0.1:0'],
    ...['--listen-eureka', 'off', '--listen-http', 'off'],
  ])
}

/** Starts a server whose only handler answers an empty message with an empty message. */
export async function startEmptyServer(kind: 'fast' | 'grpc-js'): Promise<ServerProcess> {
  return startServer(await builtProgram('bench/suite/empty-server.ts'), [kind])
}

/** Runs `use` with the reference server and one etcd, both on fresh directories of one disk, and stops them. */
export async function withReferenceAndEtcd<T>(use: (sides: Sides<ServerProcess>) => Promise<T>): Promise<T> {
  return withDirectory(async (directory) => {
    const ours = await startReferenceServer(directory)
    const peer = await startEtcd()
    try {
      return await use({ ours, peer })
    } finally {
      ours.stop()
      peer?.stop()
    }
  })
}

/** Starts a program, and waits for the line that says where it listens. Ends it with this process. */
export async function startServer(program: string, args: readonly string[]): Promise<ServerProcess> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  endWithThisProcess(child)
  let output = ''
  await new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.stdout.on('data', (data: Buffer) => {
      output += data.toString()
      if (/^ready/m.test(output)) resolve()
    })
  })
  const endpoint = /etcd clients +http:\/\/(\S+)|^listening +(\S+)/m.exec(output)?.slice(1).find(Boolean)
  if (endpoint === undefined || child.pid === undefined) throw new Error(`no server:\n${output}`)
  return { endpoint, pids: [child.pid], stop: () => child.kill('SIGKILL') }
}
