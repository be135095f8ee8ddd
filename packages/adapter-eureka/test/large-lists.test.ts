import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { spec, startServer } from './support.ts'

test('a list that is sent part by part is whole, and its length is known', async () => {
  await using server = await startServer()
  const registrations = Array.from({ length: 400 }, (_, n) =>
    server.registry.register(spec({ service: `s${n % 7}`, id: `i${n}`, metadata: { city: 'Zürich' } })),
  )
  await server.wait(Promise.all(registrations))
  const accept = 'application/json'
  const plain = await server.get('apps', { accept })
  expect(plain.rawPayload.length).toBeGreaterThan(131_072)
  expect(plain.headers['content-length']).toBe(String(plain.rawPayload.length))
  const { application } = plain.json<{ applications: { application: { instance: unknown[] }[] } }>()
    .applications
  expect(application.flatMap(({ instance }) => instance)).toHaveLength(400)
  const packed = await server.get('apps', { accept, 'accept-encoding': 'gzip' })
  expect(gunzipSync(packed.rawPayload)).toEqual(plain.rawPayload)
  const xml = await server.get('apps', {})
  expect(xml.headers['content-length']).toBe(String(xml.rawPayload.length))
  expect(xml.body.match(/<instance>/g)).toHaveLength(400)
  const head = await server.request({ method: 'HEAD', url: '/eureka/apps', headers: { accept } })
  expect([head.statusCode, head.body]).toEqual([200, ''])
})
