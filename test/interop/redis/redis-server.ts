import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis, type RedisOptions } from 'ioredis'
import { freePorts } from '../../free-ports.ts'
import { type ServerProcess, startProcess } from '../servers/child.ts'

/** How clients of the tests connect. */
type Access = Omit<RedisOptions, 'replyMapping'>

/** A real Redis that belongs to a test. It keeps nothing. */
export interface RedisServer extends AsyncDisposable {
  readonly port: number
  readonly process: ServerProcess
  /** Ends it at once. */
  kill(): Promise<void>
  /** Starts it again, on the same port and without what it knew. */
  restart(): Promise<void>
  /** A client for the test itself, closed with the server. */
  client(options?: Access): Redis
  /** Sends a signal, for example to stop it where it stands. */
  signal(signal: NodeJS.Signals): void
}

/** How a server is started. */
export interface RedisServerOptions {
  /** @defaultValue a free port */
  readonly port?: number
  /** Besides the port, and that nothing is saved. */
  readonly args?: readonly string[]
}

/** Starts a server and waits until it serves. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const [freePort = 0] = await freePorts(1)
  const port = options.port ?? freePort
  const directory = await mkdtemp(join(tmpdir(), 'orrery-redis-'))
  const clients = new Set<Redis>()
  const client = (own: Access = {}): Redis => {
    const made = new Redis({ host: '127.0.0.1', port, retryStrategy: () => 20, ...own })
    made.on('error', () => undefined)
    clients.add(made)
    return made
  }
  const start = async (): Promise<ServerProcess> => {
    const fixed = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', directory]
    const args = [...fixed, '--port', `${port}`, ...(options.args ?? [])]
    const server = await startProcess('redis-server', args, { debianPackage: 'redis-server' })
    const probe = client({ maxRetriesPerRequest: null })
    const ended = server.ended.then(() => {
      throw new Error(`redis-server ended before it served:\n${server.output()}`)
    })
    await Promise.race([probe.ping(), ended])
    ended.catch(() => undefined)
    probe.disconnect()
    clients.delete(probe)
    return server
  }
  let running = await start()
  return {
    port,
    get process() {
      return running
    },
    kill: () => running.stop('SIGKILL'),
    restart: async () => {
      running = await start()
    },
    client,
    signal: (signal) => {
      process.kill(running.pid, signal)
    },
    [Symbol.asyncDispose]: async () => {
      for (const each of clients) each.disconnect()
      await running.stop('SIGKILL')
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Starts a Redis Cluster of three servers that share the keys, and waits until all of them know that. */
export async function startRedisCluster(): Promise<{
  readonly servers: readonly RedisServer[]
  readonly [Symbol.asyncDispose]: () => Promise<void>
}> {
  const ports = await freePorts(6)
  const servers = await Promise.all(
    [0, 1, 2].map((index) => {
      const busPort = ports[index + 3] ?? 0
      const args = ['--cluster-enabled', 'yes', '--cluster-port', `${busPort}`]
      return startRedis({ port: ports[index] ?? 0, args })
    }),
  )
  const slots = [0, 5_461, 10_923, 16_384]
  const clients = servers.map((server) => server.client())
  for (const [index, client] of clients.entries()) {
    await client.call('cluster', ['addslotsrange', slots[index] ?? 0, (slots[index + 1] ?? 0) - 1])
    if (index > 0)
      await clients[0]?.call('cluster', ['meet', '127.0.0.1', ports[index] ?? 0, ports[index + 3] ?? 0])
  }
  for (const client of clients) {
    await until(async () => {
      const state = String(await client.call('cluster', ['info']))
      return state.includes('cluster_state:ok') && state.includes('cluster_known_nodes:3')
    })
  }
  return {
    servers,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()))
    },
  }
}

/** Asks again until it is so. What never comes to be ends with the time of the test. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20))
}
