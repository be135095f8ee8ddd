import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import { Heartbeats } from '../src/writes/heartbeats.ts'
import { eurekaDefaults } from '../src/options.ts'
import { RegistryView } from '../src/registry-view.ts'
import { ByteBudget } from '../src/view/byte-budget.ts'
import { type ManualServer, startServer } from './support.ts'

/** Requests that are sent, all in all. */
const total = 20_000
/** Of them, on one connection, one behind the other. */
const pipelined = 1_000
const ids = Array.from({ length: 50 }, (_, n) => `i${n}`)

interface Put {
  /** As it goes over the wire, below where the adapter is. */
  readonly path: string
  readonly namespace?: string
  readonly body?: string
  readonly expected: 200 | 400 | 404
}

const notNamespaces = ['two words', 'caf\u00e9', 'a,b', '*', 'n'.repeat(65), '%2e', '"x"']
const wrongEscapes = ['%', '%z', '%zz', '%c3%28', '%e0%a4', '%ff', 'a%', '%u0041']
const oddIds = ['__proto__', 'constructor', '..%2f..%2fi0', '%00', '%0a', 'I0', 'i0%20', '%2f', '%25', '~']
const otherPaths = [
  'apps',
  'apps/SHOP',
  'apps/SHOP/i0/status/more',
  'apps/SHOP/i0/nothing',
  'instances/i0',
  'vips/shop',
  'v2/v2/apps/SHOP/i0',
  'v3/apps/SHOP/i0',
  'nothing/SHOP/i0',
  'peerreplication/batch',
  '',
  '/////',
]
const refused = [
  'apps/SHOP/i0?lastDirtyTimestamp=soon',
  'apps/SHOP/i0?lastDirtyTimestamp=-1',
  'apps/NONE/x?lastDirtyTimestamp=99999999999999999999',
  'apps/SHOP/i0/status',
  'apps/SHOP/i0/status?value=NONSENSE',
  'asg/group/status?value=DISABLED',
]

/** A request of somebody who is no instance, or makes no sense. */
function bogusPut(n: number): Put {
  const turn = Math.floor(n / 10)
  switch (n % 10) {
    case 0:
      return { path: `apps/UNKNOWN-${n}/i0`, expected: 404 }
    case 1:
      return { path: `v2/apps/SHOP/unknown-${n}?status=UP&lastDirtyTimestamp=${n}`, expected: 404 }
    case 2:
      return { path: `apps/SHOP/${'x'.repeat(4_000)}${n}`, expected: 404 }
    case 3:
      return { path: 'apps/SHOP/i0', namespace: `foreign-${n}`, expected: 404 }
    case 4:
      return {
        path: 'apps/SHOP/i0',
        namespace: notNamespaces[turn % notNamespaces.length] ?? '',
        expected: 400,
      }
    case 5:
      return { path: `apps/${wrongEscapes[turn % wrongEscapes.length] ?? ''}/i${n}`, expected: 400 }
    case 6:
      return { path: `apps/SHOP/${oddIds[turn % oddIds.length] ?? ''}`, expected: 404 }
    case 7:
      return { path: otherPaths[turn % otherPaths.length] ?? '', expected: 404 }
    case 8:
      return { path: refused[turn % refused.length] ?? '', expected: 400 }
    default:
      return {
        path: `apps/NONE/${n}/${n % 3 === 0 ? 'status?value=DOWN' : 'metadata?a=b'}`,
        body: '{"a":',
        expected: 404,
      }
  }
}

function textOf({ path, namespace, body = '' }: Put): string {
  const header = namespace === undefined ? '' : `x-namespace: ${namespace}\r\n`
  return `PUT /eureka/${path} HTTP/1.1\r\nhost: eureka\r\n${header}content-length: ${body.length}\r\n\r\n${body}`
}

/** Sends requests over one connection without waiting for answers, and returns their statuses in order. */
async function sendAll(port: number, puts: readonly Put[]): Promise<readonly number[]> {
  const socket = connect(port, '127.0.0.1')
  socket.setEncoding('latin1')
  socket.write(puts.map(textOf).join(''), 'latin1')
  let text = ''
  const statuses: number[] = []
  for await (const chunk of socket) {
    text += String(chunk)
    for (let found = status.exec(text); found !== null; found = status.exec(text)) {
      statuses.push(Number(found[1]))
      text = text.slice(found.index + found[0].length)
    }
    if (statuses.length >= puts.length) break
  }
  socket.destroy()
  return statuses
}

const status = /HTTP\/1\.1 (\d{3}) /

/** Of an instance that is to send a heartbeat every 2 s, and may be silent for 6 s. */
const leaseInfo = { renewalIntervalInSecs: 2, durationInSecs: 6 }

async function listen(server: ManualServer): Promise<number> {
  await server.wait(server.app.listen({ port: 0, host: '127.0.0.1' }))
  return (server.app.server.address() as AddressInfo).port
}

describe('heartbeats of nobody', () => {
  test('20 000 of them are answered each as documented, leave nothing, and no instance notices', async () => {
    await using server = await startServer()
    const port = await listen(server)
    for (const id of ids) expect((await server.register('SHOP', id, { leaseInfo })).statusCode).toBe(204)
    const lists = async () => [
      await server.get('apps'),
      await server.get('apps/SHOP'),
      await server.get('vips/shop'),
    ]
    const before = await lists()
    const stats = server.registry.stats()
    const { revision } = server.registry
    const grow = vi.spyOn(ByteBudget.prototype, 'grow')
    const beats = ids.map((id): Put => ({ path: `apps/SHOP/${id}`, expected: 200 }))
    for (let from = 0; from < total; from += pipelined) {
      const puts = Array.from({ length: pipelined }, (_, n) => bogusPut(from + n))
      // Those who live come last, on the same connection, and are answered all the same.
      const all = [...puts, ...beats]
      const statuses = await sendAll(port, all)
      expect(all.filter(({ expected }, n) => statuses[n] !== expected)).toEqual([])
      await server.pass(1_000)
    }
    // 20 s have passed. Nothing was written, encoded or kept.
    expect(grow).not.toHaveBeenCalled()
    grow.mockRestore()
    expect(server.registry.revision).toBe(revision)
    const after = server.registry.stats()
    expect(after).toEqual({ ...stats, heartbeats: after.heartbeats })
    expect(after.heartbeats.ok).toBe((total / pipelined) * beats.length)
    expect((await lists()).map(({ body }) => body)).toEqual(before.map(({ body }) => body))
    expect(before[0]?.json()).toMatchObject({ applications: { apps__hashcode: `UP_${ids.length}_` } })
  })

  test('are looked for in all upper and lower cases, without a trace in what is shown', async () => {
    await using server = await startServer()
    for (const id of ids) await server.register('SHOP', id, { leaseInfo })
    const { registry, environment } = server
    const released = vi.fn()
    const view = new RegistryView(
      { ...eurekaDefaults, registry, environment },
      { instance: released, app: released },
    )
    const heartbeats = new Heartbeats(registry, view)
    const { generation } = view.namespace('default') ?? {}
    for (let n = 0; n < total; n++) {
      const key = { namespace: n % 2 === 0 ? 'default' : `foreign-${n}`, service: `none-${n}`, id: 'i0' }
      const claims = n % 3 === 0 ? undefined : { lastDirtyTimestamp: n, isReplicated: n % 3 === 1 }
      expect(heartbeats.renew(key, claims)).toBe('unknown')
      expect(view.namespace(`foreign-${n}`)).toBeUndefined()
    }
    expect(view.namespace('default')?.generation).toBe(generation)
    expect(view.namespace('default')?.apps.size).toBe(1)
    expect(released).not.toHaveBeenCalled()
    view.close()
  })

  test('that are no HTTP end their connection, and no other', async () => {
    await using server = await startServer()
    const port = await listen(server)
    await server.register('SHOP', 'i0', { leaseInfo })
    const garbage = [
      '\0\0\0\0',
      'PUT\r\n\r\n',
      'PUT /eureka/apps/SHOP/i0 HTTP/1.1\r\nno header\r\n\r\n',
      'x'.repeat(20_000),
    ]
    for (let n = 0; n < 200; n++) {
      const socket = connect(port, '127.0.0.1')
      // It may be gone before all of it is written.
      socket.on('error', () => undefined)
      socket.resume().write(garbage[n % 4] ?? '')
      await once(socket, 'close')
      if (n % 20 === 0) expect(await sendAll(port, [{ path: 'apps/SHOP/i0', expected: 200 }])).toEqual([200])
    }
  })
})
