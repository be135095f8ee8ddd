import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import type { IncomingMessage } from 'node:http'
import { once } from 'node:events'
import type { ActContext } from './act.ts'

/** A few HTTP/1.1 requests at the port of gRPC, some of them given up. */
export async function browse({ random, target, count }: ActContext): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 2 })
  try {
    for (let n = 1 + random.below(8); n > 0; n--) {
      const content = 'x'.repeat(random.below(5) === 0 ? random.below(500_000) : random.below(100))
      const options = { agent, host: '127.0.0.1', port: target.plainPort, method: 'POST', path: '/soak' }
      const sent = request(options)
      if (random.below(6) === 0) {
        sent.on('error', () => undefined)
        sent.write(content)
        setImmediate(() => sent.destroy())
        await new Promise((resolve) => sent.once('close', resolve))
        count('HTTP/1.1 requests that are given up')
        continue
      }
      sent.end(content)
      const [response] = (await once(sent, 'response')) as [IncomingMessage]
      const answer = await text(response)
      if (response.statusCode !== 200 || answer !== `POST /soak ${content}`) {
        throw new Error(
          `an HTTP/1.1 request was answered ${String(response.statusCode)} ${answer.slice(0, 50)}`,
        )
      }
      count('HTTP/1.1 requests')
    }
  } finally {
    agent.destroy()
  }
}
