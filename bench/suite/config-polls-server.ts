// Servers for the scenario `config-polls`, both on Fastify with the same options:
//   hub    the HTTP API of a configuration hub on a store in memory
//   bare   a handler that keeps its replies, and answers all of them when it is told
// Both are told over HTTP: `POST /release`, with a text, and `GET /state`, after garbage has been collected.
import { createConfigHub } from '@orrery/config-hub'
import { configApiPlugin } from '@orrery/http-api'
import { createMemoryStore } from '@orrery/store'
import { type FastifyInstance, type FastifyReply, fastify } from 'fastify'
import { pollPath, watched } from './config-polls-request.ts'

/** What a server does with polls. */
interface Polls {
  /** How many are pending. */
  pending(): number
  /** Answers all of them. @param text the content to release; of the bare one, the answer */
  release(text: string): Promise<void>
}

/** What a server says of itself, without garbage. */
export interface PollServerState {
  readonly pending: number
  /** What is in use of the heap, and what belongs to it outside. */
  readonly heapBytes: number
}

const app = fastify({ routerOptions: { maxParamLength: 256 } })
const polls = process.argv[2] === 'hub' ? await hubPolls(app) : barePolls(app)

app.post<{ Body: string }>('/release', async ({ body }) => {
  await polls.release(body)
  return {}
})
app.get('/state', (): PollServerState => {
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return { pending: polls.pending(), heapBytes: heapUsed + external }
})

const address = await app.listen({ host: '127.0.0.1', port: 0, backlog: 4_096 })
process.stdout.write(`listening ${new URL(address).host}\nready\n`)

async function hubPolls(app: FastifyInstance): Promise<Polls> {
  const hub = createConfigHub({ store: createMemoryStore() })
  await hub.start()
  await hub.releases.publish(watched, { content: '' })
  await app.register(configApiPlugin, { hub })
  return {
    pending: () => hub.stats().polls,
    release: async (content) => {
      await hub.releases.publish(watched, { content })
    },
  }
}

function barePolls(app: FastifyInstance): Polls {
  let waiting: FastifyReply[] = []
  app.post(pollPath, (_request, reply) => {
    waiting.push(reply)
  })
  return {
    pending: () => waiting.length,
    release: (text) => {
      const answered = waiting
      waiting = []
      for (const reply of answered) void reply.type('application/json; charset=utf-8').send(text)
      return Promise.resolve()
    },
  }
}
