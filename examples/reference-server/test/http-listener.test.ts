import { once } from 'node:events'
import { connect } from 'node:net'
import { createConnectionLimits } from '@orrery/connection-limits'
import { createManualEnvironment } from '@orrery/environment/testing'
import { describe, expect, test } from 'vitest'
import { closeHttpServer, createHttpServer, listenHttp } from '../src/http-listener.ts'

describe('a server for HTTP', () => {
  test('cuts off requests that do not end when it closes', async () => {
    const environment = createManualEnvironment()
    const limits = createConnectionLimits()
    const server = createHttpServer('hanging', limits)
    let asked: (() => void) | undefined
    const arrived = new Promise<void>((resolve) => (asked = resolve))
    server.get('/', () => {
      asked?.()
      return new Promise(() => undefined)
    })
    const port = await listenHttp(server, 'listen-http', { host: '127.0.0.1', port: 0 })
    const answer = fetch(`http://127.0.0.1:${port}`).catch((error: unknown) => error)
    await arrived
    expect(limits.connections()).toMatchObject([{ listener: 'hanging' }])
    let isClosed = false
    const closed = closeHttpServer(server, environment).then(() => (isClosed = true))
    await expect.poll(() => environment.clock.pending).toBe(1)
    environment.clock.advance(4_999)
    await new Promise((resolve) => setImmediate(resolve))
    expect(isClosed).toBe(false)
    environment.clock.advance(1)
    await closed
    expect(await answer).toBeInstanceOf(Error)
    expect(environment.logger.lines).toMatchObject([{ level: 'warn', fields: { drainMaxMs: 5_000 } }])
  })

  test('listens on a name at one address, where its connections are limited', async () => {
    const environment = createManualEnvironment()
    const limits = createConnectionLimits({ totalMax: 1 })
    const server = createHttpServer('local', limits)
    const port = await listenHttp(server, 'listen-http', { host: 'localhost', port: 0 })
    expect(server.addresses()).toHaveLength(1)
    const [bound] = server.addresses()
    const host = typeof bound === 'object' ? bound.address : ''
    const first = connect({ host, port })
    await once(first, 'connect')
    const second = connect({ host, port }).resume()
    await once(second, 'close')
    expect(limits.stats()).toMatchObject({ total: 1, refused: { total: 1 } })
    first.destroy()
    await closeHttpServer(server, environment)
    expect(environment.clock.pending).toBe(0)
  })

  test('leaves nothing open when its address cannot be listened on', async () => {
    const limits = createConnectionLimits()
    const server = createHttpServer('first', limits)
    const port = await listenHttp(server, 'listen-http', { host: '127.0.0.1', port: 0 })
    const rival = createHttpServer('second', limits)
    await expect(listenHttp(rival, 'listen-eureka', { host: '127.0.0.1', port })).rejects.toMatchObject({
      code: 'SERVER_LISTEN_FAILED',
      reason: `--listen-eureka: 127.0.0.1:${port} is already in use`,
    })
    await server.close()
  })
})
