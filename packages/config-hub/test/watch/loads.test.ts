import { setImmediate as nextTurn } from 'node:timers/promises'
import { hasCode } from '@orrery/environment'
import { createManualEnvironment, type ManualEnvironment } from '@orrery/environment/testing'
import { describe, expect, test } from 'vitest'
import { encodeContent } from '../../src/codec.ts'
import { createContentCodec } from '../../src/encryption/content-codec.ts'
import { createLocalKeyPort } from '../../src/encryption/local-key-port.ts'
import { configErrorCodes } from '../../src/errors.ts'
import type { ReleaseInfo } from '../../src/model.ts'
import type { KeyPort } from '../../src/ports.ts'
import { ContentCache } from '../../src/reads/content-cache.ts'
import { ReleaseLine } from '../../src/view/release-line.ts'
import { FanOut } from '../../src/watch/fan-out.ts'
import { type ContentWaiter, Loads } from '../../src/watch/loads.ts'
import { CountingPort, keyOf } from '../encryption/support.ts'

const place = { path: 'default/shop/app.yaml', at: 1 } as const

const info: ReleaseInfo = {
  ...{
    version: 1,
    name: 'v1',
    md5: '',
    sizeBytes: 6,
    format: 'text',
    tags: {},
    comment: '',
    encrypted: true,
  },
  ...{ origin: 'publish', from: undefined, releasedAtMs: 0, actor: '', reason: '' },
}

/** Somebody who asks again as often as he is told to. */
class Waiter implements ContentWaiter {
  readonly told: string[] = []
  readonly #loads: Loads

  constructor(loads: Loads) {
    this.#loads = loads
  }

  loaded(_: ReleaseLine, { content }: { readonly content: string }): void {
    this.told.push(content)
  }

  retry(line: ReleaseLine): void {
    this.told.push('retry')
    this.#loads.want(line, this)
  }

  unreadable(_: ReleaseLine, error: unknown): void {
    this.told.push(hasCode(error, ...configErrorCodes) ? error.code : 'unknown')
  }
}

interface Setup {
  readonly environment: ManualEnvironment
  readonly waiter: Waiter
  /** Lets everything happen that is ready to, after so much time. Unit: ms. */
  readonly pass: (ms: number) => Promise<void>
}

/** A waiter for the one content of a store, which one port sealed and another one is to open. */
async function setUp(sealing: KeyPort, opening: KeyPort): Promise<Setup> {
  const environment = createManualEnvironment()
  const { clock } = environment
  const codec = createContentCodec({ port: sealing, clock })
  const dataKey = await codec.newDataKey()
  const content = await codec.seal(Buffer.from('secret'), place, dataKey)
  const value = encodeContent({ head: info, dataKey, content })
  codec.close()
  const opener = createContentCodec({ port: opening, clock })
  const cache = new ContentCache(
    {
      clock,
      read: () => Promise.resolve(value),
      open: (_, stored) => opener.open(stored.content, place, dataKey),
    },
    { cacheMaxBytes: 1_000_000, cacheMaxIdleMs: Infinity },
  )
  const loads = new Loads({ environment, cache, fanOut: new FanOut(clock, () => undefined) })
  const waiter = new Waiter(loads)
  loads.want(new ReleaseLine(place.path, info, { revision: 1, nth: 1 }), waiter)
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms)
    for (let turn = 0; turn < 4; turn++) {
      await nextTurn()
      clock.runDeferred()
    }
  }
  await pass(0)
  return { environment, waiter, pass }
}

describe('a content that somebody waits for', () => {
  test('is asked for again while the key port is out of reach', async () => {
    const port = new CountingPort()
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    let isDown = true
    const { environment, waiter, pass } = await setUp(
      port,
      unwrapping((key) => (isDown ? Promise.reject(refused) : port.unwrap(key))),
    )
    expect(waiter.told).toEqual([])
    await pass(199)
    expect(waiter.told).toEqual([])
    await pass(1)
    await pass(200)
    expect(waiter.told).toEqual(['retry', 'retry'])
    expect(environment.logger.lines).toHaveLength(3)
    expect(environment.logger.lines).toMatchObject([
      { level: 'warn', fields: { error: { cause: refused } } },
      {},
      {},
    ])
    isDown = false
    await pass(200)
    expect(waiter.told).toEqual(['retry', 'retry', 'retry', 'secret'])
    expect(environment.clock.pending).toBe(1) // for the data key
  })

  test.each([
    ['has no such key', createLocalKeyPort({ current: 'b', keys: { b: keyOf(1) } })],
    ['has another key of its name', createLocalKeyPort({ current: 'a', keys: { a: keyOf(2) } })],
    [
      'says in its own words, with our code, that it never opens',
      unwrapping(() =>
        Promise.reject(Object.assign(new Error('revoked'), { code: 'CONFIG_DECRYPTION_FAILED' })),
      ),
    ],
    ['gives something that is no data key', unwrapping(() => Promise.resolve(new Uint8Array(16)))],
  ])('is given up where the key port %s', async (_, opening) => {
    const sealing = createLocalKeyPort({ current: 'a', keys: { a: keyOf(1) } })
    const { environment, waiter } = await setUp(sealing, opening)
    expect(waiter.told).toEqual(['CONFIG_DECRYPTION_FAILED'])
    expect(environment.clock.pending).toBe(0)
  })
})

/** A port that unwraps as a test says, and does nothing else. */
function unwrapping(unwrap: KeyPort['unwrap']): KeyPort {
  return {
    currentKeyId: 'a',
    wrap: () => Promise.reject(new Error('nothing is wrapped here')),
    unwrap,
    close: () => Promise.resolve(),
  }
}
