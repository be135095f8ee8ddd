import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import { kvDefinition } from '@orrery/adapter-etcd'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runExample, startExample } from './run-example.ts'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'orrery-example-'))
})
afterEach(() => {
  rmSync(directory, { recursive: true })
})

test('the embedded store keeps its keys and its leader from one run to the next', async () => {
  expect(await runExample('embedded-store', directory)).toBe('hello at revision 2\nI lead\n')
  expect(await runExample('embedded-store', directory)).toBe('hello at revision 4\nsomebody else leads\n')
})

test('the watched configuration follows a change', async () => {
  const output = await runExample('watch-config', directory)
  expect(output).toBe("Map(1) { 'config/color' => 'red' }\nMap(1) { 'config/color' => 'blue' }\n")
})

test('the server answers its own clients and those of etcd on one port', async () => {
  const example = startExample('etcd-in-your-server', directory, { PORT: '0' })
  try {
    const [line] = (await once(example.stdout ?? example, 'data')) as [Buffer]
    const url = /http:\S+/.exec(line.toString())?.[0] ?? ''
    const client = new grpc.Client(new URL(url).host, grpc.credentials.createInsecure())
    const { path, requestSerialize, responseDeserialize } = kvDefinition.Put
    await new Promise((resolve, reject) => {
      const request = { key: Buffer.from('a') }
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, response) => {
        if (error === null) resolve(response)
        else reject(error)
      })
    })
    client.close()
    expect(await (await fetch(url)).json()).toEqual({ keys: 1 })
    const body = JSON.stringify({ key: Buffer.from('a').toString('base64') })
    const range = await fetch(`${url}/v3/kv/range`, { method: 'POST', body })
    expect(await range.json()).toMatchObject({ count: '1' })
  } finally {
    example.kill()
    await once(example, 'close')
  }
})
