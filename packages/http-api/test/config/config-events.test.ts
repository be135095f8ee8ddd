import type { ConfigHub, Fingerprint, WatchQuery } from '@orrery/config-hub'
import { describe, expect, test } from 'vitest'
import { ReleaseJson } from '../../src/config/json/release-json.ts'
import { ConfigEvents } from '../../src/config/streams/config-events.ts'
import { presentOf } from '../../src/config/streams/present.ts'
import { during, settle } from '../support.ts'
import { startLateMember } from './late-member.ts'
import { type ConfigApi, key, startConfigApi } from './support.ts'

const shop = { namespace: 'default', group: 'shop' }
const file = { ...shop, file: 'a' }
const gray = { labels: [{ label: 'env', type: 'exact', value: 'gray' }] } as const
/** Every way to watch it. */
const ways = [[file], [shop], [file, key], [{ ...shop, prefix: 'a' }]]

interface Said {
  readonly files?: readonly Fingerprint[]
  readonly changes?: readonly {
    readonly type: string
    readonly release?: { readonly version: number; readonly content: string }
    readonly key?: { readonly file: string }
  }[]
}

/** A reader who takes nothing until a test lets him. */
class Reader {
  readonly #events: ConfigEvents
  readonly #said: string[] = []
  #isReading = false

  constructor(hub: ConfigHub, query: WatchQuery, lastRevision?: number) {
    this.#events = new ConfigEvents({ hub, query, lastRevision, isPlain: true, json: new ReleaseJson() })
  }

  /** Takes whatever there is, now and from now on. @returns all that he has taken */
  async read({ environment }: ConfigApi): Promise<readonly string[]> {
    if (!this.#isReading) void this.#readAll()
    this.#isReading = true
    for (let turn = 0; turn < 20; turn++) {
      await settle(5)
      environment.clock.runDeferred()
    }
    return this.#said
  }

  close(): void {
    this.#events.close()
  }

  async #readAll(): Promise<void> {
    for await (const { name, data } of this.#events.events) {
      const { files, changes = [] } = JSON.parse(Buffer.concat(data).toString()) as Said
      const told = changes.map(({ type, release, key: gone }) =>
        release === undefined ? `${type} ${gone?.file ?? ''}` : release.content,
      )
      const present = files?.map((one) => `${one.file}@${one.version}`) ?? []
      this.#said.push([name, ...present, ...told].join(' '))
    }
  }
}

/** Publishes a content of {@link file}. */
async function publish(hub: ConfigHub, content: string): Promise<void> {
  await hub.releases.publish(file, { content, format: 'text' })
}

describe('a reader who is slow to take what is present', () => {
  test.each(['withdrawn', 'deleted'])('is told when a file of it was %s meanwhile', async (what) => {
    await using api = await startConfigApi()
    const { hub, environment } = api
    for (const targets of ways) {
      await during(environment, publish(hub, 'one'))
      const { revision } = hub.stats()
      await during(environment, publish(hub, 'two'))
      const present = `present a@${hub.peek(file)?.version}`
      const readers = [undefined, revision, hub.stats().revision].map(
        (last) => new Reader(hub, { targets }, last),
      )
      await during<unknown>(
        environment,
        what === 'deleted' ? hub.files.delete(file) : hub.releases.withdraw(file),
      )
      for (const reader of readers) {
        expect(await reader.read(api)).toEqual([present, 'changes removed a'])
        reader.close()
      }
    }
  })

  test('is told when a gray release was stopped meanwhile that he alone saw', async () => {
    await using api = await startConfigApi()
    await during(api.environment, api.hub.gray.publish(file, { content: 'gray', format: 'text', rule: gray }))
    const client = { labels: { env: 'gray' } }
    const reader = new Reader(api.hub, { targets: [shop], client }, api.hub.stats().revision)
    await during(api.environment, api.hub.gray.stop(file))
    expect(await reader.read(api)).toEqual(['present a@1', 'changes removed a'])
    reader.close()
  })

  test('is given the newest once, and nothing again that he has', async () => {
    await using api = await startConfigApi()
    await during(api.environment, publish(api.hub, 'one'))
    const anew = new Reader(api.hub, { targets: [shop] })
    const again = new Reader(api.hub, { targets: [shop] }, api.hub.stats().revision)
    await during(api.environment, publish(api.hub, 'two'))
    for (const reader of [anew, again]) {
      expect(await reader.read(api)).toEqual(['present a@1', 'changes two'])
      reader.close()
    }
  })
})

describe('what a watch is to know of who is told what is present', () => {
  test('is no more than it takes: the rest is sent again', async () => {
    await using api = await startConfigApi()
    const { hub } = api
    for (const name of ['a', 'b', 'c']) {
      await during(api.environment, hub.releases.publish({ ...shop, file: name }, { content: name }))
    }
    const { revision } = hub.stats()
    const { files, known } = presentOf(hub, {
      ...{ targets: [shop], client: {}, sinceRevision: revision, knownMaxItems: 2 },
    })
    expect(files.map((one) => one.file)).toEqual(['a', 'b', 'c'])
    expect(known).toEqual(files.slice(0, 2))
    const told = await during(api.environment, hub.poll({ targets: [shop], known }))
    expect(told).toMatchObject({ changes: [{ type: 'released', key: { file: 'c' } }] })
  })
})

describe('a reader who comes with what he was given elsewhere, to a member that lags', () => {
  /** What somebody has who reads there. */
  function had(hub: ConfigHub): readonly Fingerprint[] {
    const { version = 0, md5 = '' } = hub.peek(file) ?? {}
    return [{ ...file, version, md5 }]
  }

  test('is not told that it is gone', async () => {
    await using member = await startLateMember()
    const { api, ahead } = member
    for (const targets of ways) {
      member.hold()
      await during(api.environment, publish(ahead, 'one'))
      const known = had(ahead)
      const reader = new Reader(api.hub, { targets, known })
      await reader.read(api)
      await member.catchUp()
      await during(api.environment, publish(ahead, 'two'))
      expect(await reader.read(api)).toEqual([`present a@${known[0]?.version}`, 'changes two'])
      reader.close()
      await during(api.environment, ahead.files.delete(file))
      await member.catchUp()
    }
  })

  test('is told that it is gone when the member knows', async () => {
    await using member = await startLateMember()
    const { api, ahead } = member
    for (const targets of ways) {
      member.hold()
      await during(api.environment, publish(ahead, 'one'))
      const known = had(ahead)
      await during(api.environment, ahead.files.delete(file))
      const reader = new Reader(api.hub, { targets, known })
      await reader.read(api)
      await member.catchUp()
      expect(await reader.read(api)).toEqual([`present a@${known[0]?.version}`, 'changes removed a'])
      reader.close()
    }
  })

  test('is not told that what is gray there, and everybody sees elsewhere, is gone', async () => {
    await using member = await startLateMember()
    const { api, ahead } = member
    await during(api.environment, ahead.gray.publish(file, { content: 'gray', format: 'text', rule: gray }))
    await during(api.environment, api.hub.reached(ahead.stats().revision))
    member.hold()
    await during(api.environment, ahead.gray.promote(file))
    const reader = new Reader(api.hub, { targets: [shop], known: had(ahead) })
    expect(await reader.read(api)).toEqual(['present a@1'])
    reader.close()
  })

  test('is told of what he had no longer, or does not watch, as ever', async () => {
    await using member = await startLateMember()
    const { api, ahead } = member
    await during(api.environment, publish(ahead, 'one'))
    const known = had(ahead)
    await during(api.environment, ahead.releases.withdraw(file))
    await during(api.environment, api.hub.reached(ahead.stats().revision))
    const others = [
      { ...shop, file: 'b', version: 1 },
      { ...key, version: 0 },
      { ...key, md5: '' },
    ]
    const reader = new Reader(api.hub, {
      targets: [file, { ...shop, prefix: 'app' }],
      known: [...known, ...others],
    })
    expect(await reader.read(api)).toEqual(['present', 'changes removed a'])
    reader.close()
  })
})
