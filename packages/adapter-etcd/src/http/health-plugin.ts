import type { AlarmType, Store } from '@orrery/store'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { etcdServicesDefaults } from '../services/options.ts'

/** Options of {@link etcdHealthPlugin}. */
export interface EtcdHealthOptions {
  readonly store: Store
  /**
   * The etcd version to present, the same as the services'. Clients choose features and paths by it.
   * @defaultValue `'3.6.14'`
   */
  readonly version?: string | undefined
  /** After how long an unanswered read counts as a failed one. Unit: ms. @defaultValue `5_000` */
  readonly checkTimeoutMs?: number | undefined
  /** Hears the outcome of every `/health`. @defaultValue nobody */
  readonly onHealthChecked?: ((healthy: boolean) => void) | undefined
}

/** What {@link etcdHealthPlugin} uses when an option is absent. */
export const etcdHealthDefaults = {
  version: etcdServicesDefaults.version,
  checkTimeoutMs: 5_000,
} as const

const alarmNames: Record<AlarmType, string> = { noSpace: 'NOSPACE', corrupt: 'CORRUPT' }

/** Resolves to why the check failed, or undefined. */
type Check = () => Promise<string | undefined>

/**
 * A Fastify plugin: what load balancers, orchestrators and clients ask an etcd server before they use it:
 * `/health`, `/livez`, `/readyz` and `/version`.
 *
 * Source: etcd 3.6, `server/etcdserver/api/etcdhttp`.
 */
export function etcdHealthPlugin(
  fastify: FastifyInstance,
  options: EtcdHealthOptions,
  done: (error?: Error) => void,
): void {
  const probe = createProbe(options)
  const get = (url: string, handler: (request: FastifyRequest, reply: FastifyReply) => unknown): void => {
    fastify.get(url, handler)
    fastify.route({
      method: ['POST', 'PUT', 'PATCH', 'DELETE'],
      url,
      handler: (_request, reply) => reply.code(405).header('allow', 'GET').send('Method Not Allowed\n'),
    })
  }

  get('/health', async (request, reply) => {
    const reason = await probe.health(queryOf(request))
    options.onHealthChecked?.(reason === '')
    reply.code(reason === '' ? 200 : 503)
    return { health: String(reason === ''), reason }
  })
  for (const [path, checks] of Object.entries(probe.checks)) {
    get(path, (request, reply) => answerChecks({ path, checks, request, reply }))
    for (const [name, check] of Object.entries(checks)) {
      const checkPath = `${path}/${name}`
      get(checkPath, (request, reply) =>
        answerChecks({ path: checkPath, checks: { [name]: check }, request, reply }),
      )
    }
  }
  get('/version', () => versionOf(options.version ?? etcdHealthDefaults.version))
  done()
}

/** The cluster and its storage are of the server's minor version. */
function versionOf(etcdserver: string): Readonly<Record<string, string>> {
  const minor = etcdserver.split('.').slice(0, 2).join('.')
  return { etcdserver, etcdcluster: `${minor}.0`, storage: `${minor}.0` }
}

interface Probe {
  /** Why the member is unhealthy, or an empty text. */
  readonly health: (query: URLSearchParams) => Promise<string>
  /** The checks of each path, by name. */
  readonly checks: Readonly<Record<'/livez' | '/readyz', Readonly<Record<string, Check>>>>
}

function createProbe(options: EtcdHealthOptions): Probe {
  const { store, checkTimeoutMs = etcdHealthDefaults.checkTimeoutMs } = options

  const read = async (serializable: boolean): Promise<string | undefined> => {
    try {
      await store.get('health', { serializable, signal: AbortSignal.timeout(checkTimeoutMs) })
      return undefined
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }
  const readLocal: Check = () => read(true)
  const dataCorruption: Check = async () =>
    Promise.resolve(
      store.status().alarms.some(({ type }) => type === 'corrupt') ? 'alarm activated: CORRUPT' : undefined,
    )
  const nonLearner: Check = async () =>
    Promise.resolve(store.status().isLearner ? 'not supported for learner' : undefined)

  return {
    health: async (query) => {
      const excluded = query.getAll('exclude')
      const serializable = query.get('serializable') === 'true'
      const { alarms, leaderId, state } = store.status()
      const alarm = alarms.find(({ type }) => !excluded.includes(alarmNames[type]))
      if (alarm !== undefined) return `ALARM ${alarmNames[alarm.type]}`
      if (state === 'failed') return 'STORE FAILED'
      if (!serializable && leaderId === 0n) return 'RAFT NO LEADER'
      const reason = await read(serializable)
      return reason === undefined ? '' : `RANGE ERROR:${reason}`
    },
    checks: {
      '/livez': { serializable_read: readLocal },
      '/readyz': {
        data_corruption: dataCorruption,
        serializable_read: readLocal,
        linearizable_read: () => read(false),
        non_learner: nonLearner,
      },
    },
  }
}

interface ChecksCall {
  readonly path: string
  readonly checks: Readonly<Record<string, Check>>
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** `ok`, or one line per check when asked for or when one failed. */
async function answerChecks({ path, checks, request, reply }: ChecksCall): Promise<FastifyReply> {
  const query = queryOf(request)
  const excluded = query.getAll('exclude')
  let failed = false
  const lines: string[] = []
  for (const [name, check] of Object.entries(checks)) {
    const isExcluded = excluded.includes(name)
    const reason = isExcluded ? undefined : await check()
    failed ||= reason !== undefined
    if (reason !== undefined) lines.push(`[-]${name} failed: ${reason}`)
    else lines.push(`[+]${name} ${isExcluded ? 'excluded: ' : ''}ok`)
  }
  reply.type('text/plain; charset=utf-8').header('x-content-type-options', 'nosniff')
  if (failed) return reply.code(503).send(`${lines.join('\n')}\n${path} check failed\n`)
  return reply.send(query.has('verbose') ? `${lines.join('\n')}\n${path} check passed\n` : 'ok\n')
}

/** A repeated parameter counts each time; what Fastify parsed depends on the host's query parser. */
function queryOf(request: FastifyRequest): URLSearchParams {
  return new URL(request.url, 'http://localhost').searchParams
}
