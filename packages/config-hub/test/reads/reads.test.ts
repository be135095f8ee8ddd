import { describe, expect, test } from 'vitest'
import { filePath } from '../../src/keys.ts'
import type { FileKey } from '../../src/model.ts'
import { Reads } from '../../src/reads/reads.ts'
import { Feeder } from '../view/fed-view.ts'
import { fedMember, type FedMember, type MemberOptions } from '../watch/watched-hub.ts'

const key: FileKey = { namespace: 'default', group: 'shop', file: 'app.yaml' }
const canary = { labels: { zone: 'canary' } }
const rule = { labels: [{ label: 'zone', type: 'exact', value: 'canary' }] } as const

function setUp(options: MemberOptions = {}): { readonly member: FedMember; readonly reads: Reads } {
  const feeder = new Feeder()
  const member = fedMember(feeder, options)
  const reads = new Reads({
    ...{ prefix: 'config/', view: member.view, cache: member.cache },
    store: {
      range: ({ key: name }) => {
        const kvs = feeder.state.filter(({ keyString }) => keyString === name)
        return Promise.resolve({ revision: feeder.revision, kvs, count: kvs.length, more: false })
      },
    },
    // This member lags until somebody asks for more.
    reached: (revision) => {
      member.take(revision)
      return Promise.resolve()
    },
  })
  return { member, reads }
}

describe('reads', () => {
  test('give what somebody sees, and what is in memory without asking anybody', async () => {
    const { member, reads } = setUp()
    const { feeder } = member
    expect(await reads.read(key)).toBeUndefined()
    expect(reads.peek(key)).toBeUndefined()
    feeder.publish(key, { content: 'full' })
    feeder.grayPublish(key, { content: 'gray', rule })
    member.take()
    expect(await reads.read(key)).toMatchObject({ version: 1, content: 'full' })
    expect(await reads.read({ ...key, client: canary })).toMatchObject({ version: 2, content: 'gray' })
    expect(reads.peek({ ...key, client: canary })).toMatchObject({ version: 2 })
    // Whom else it is for is not told.
    expect(reads.peek({ ...key, client: canary })).not.toHaveProperty('rule')
    expect(await reads.read(key)).toBe(await reads.read(key))
    // Nobody had read the file before. What comes after that is there when it is read.
    expect(member.reads).toEqual(['default/shop/app.yaml@1', 'default/shop/app.yaml@2'])
    const invalid = { code: 'CONFIG_INVALID' }
    await expect(reads.read({ ...key, client: { address: 'nowhere' } })).rejects.toMatchObject(invalid)
    feeder.promote(key)
    member.take()
    expect(await reads.read(key)).toMatchObject({ version: 2, origin: 'promote' })
    feeder.publish(key, { content: 'next' })
    member.take()
    expect(await reads.read(key)).toMatchObject({ version: 3, content: 'next' })
    expect(member.reads).toHaveLength(2)
  })

  test('load what is not in memory, once for all who wait', async () => {
    const { member, reads } = setUp({ cacheMaxBytes: 0 })
    member.feeder.publish(key, { content: 'one', encrypted: true })
    member.take()
    let open = (): void => undefined
    member.gate = new Promise((resolve) => (open = resolve))
    const aborted = new AbortController()
    const waiting = [reads.read(key), reads.read(key)]
    const left = reads.read(key, { signal: aborted.signal })
    aborted.abort(new Error('enough'))
    await expect(left).rejects.toBe(aborted.signal.reason)
    await expect(reads.read(key, { signal: aborted.signal })).rejects.toBe(aborted.signal.reason)
    open()
    const [one, two] = await Promise.all(waiting)
    expect(one).toMatchObject({ content: 'one' })
    expect(two).toBe(one)
    expect(member.reads).toEqual([`${filePath(key)}@1`])
  })

  test('catch up when what is seen here is too old to be there still', async () => {
    const { member, reads } = setUp({ cacheMaxBytes: 0 })
    const { feeder } = member
    feeder.publish(key, { content: 'one' })
    member.take()
    feeder.publish(key, { content: 'two' })
    feeder.forget(key, 1)
    expect(await reads.read(key)).toMatchObject({ content: 'two' })
    feeder.forget(key, 2)
    await expect(reads.read(key)).rejects.toMatchObject({ code: 'CONFIG_RELEASE_NOT_FOUND' })
    feeder.delete(key)
    expect(await reads.read(key)).toBeUndefined()
  })

  test('are linearizable where that is wanted', async () => {
    const { member, reads } = setUp()
    const { feeder } = member
    feeder.publish(key, { content: 'one' })
    feeder.other()
    expect(await reads.read(key)).toBeUndefined()
    expect(await reads.readLinearizable(key)).toMatchObject({ content: 'one' })
    // Nothing but the file itself is waited for.
    expect(member.view.revision).toBe(feeder.revision - 1)
    feeder.delete(key)
    expect(await reads.readLinearizable(key)).toBeUndefined()
    await expect(reads.readLinearizable({ ...key, file: '' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    })
  })
})
