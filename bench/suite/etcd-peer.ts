import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endWithThisProcess } from './child-process.ts'

/** A running etcd server. */
export interface EtcdPeer {
  /** host:port */
  readonly endpoint: string
  readonly pids: readonly number[]
  stop(): void
}

/** Whether a program can be started. */
export function isInstalled(program: string): boolean {
  return spawnSync(program, ['--version']).error === undefined
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Starts one etcd member on a fresh directory of the disk that our own store is measured on, or gives undefined when it is not installed. */
export async function startEtcd(): Promise<EtcdPeer | undefined> {
  if (!isInstalled('etcd')) return undefined
  const directory = mkdtempSync(join(tmpdir(), 'bench-etcd-'))
  const [client, peer] = [await freePort(), await freePort()]
  const url = `http://127.0.0.1:${client}`
  const child: ChildProcess = spawn(
    'etcd',
    [
      ...['--data-dir', directory, '--listen-client-urls', url, '--advertise-client-urls', url],
      ...['--listen-peer-urls', `http://127.0.0.1:${peer}`, '--log-level', 'error'],
      ...['--quota-backend-bytes', String(8 * 2 ** 30)],
    ],
    { stdio: 'ignore' },
  )
  endWithThisProcess(child)
  for (;;) {
    const health = await fetch(`${url}/health`).catch(() => undefined)
    if (health?.ok === true) break
    if (child.exitCode !== null) throw new Error(`etcd ended with ${child.exitCode}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return {
    endpoint: `127.0.0.1:${client}`,
    pids: child.pid === undefined ? [] : [child.pid],
    stop: () => {
      child.kill('SIGKILL')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
