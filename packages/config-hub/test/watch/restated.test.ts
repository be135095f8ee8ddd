import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { ChangeBatch, Fingerprint } from '../../src/watches.ts'
import type { ConfigClient } from '../../src/model.ts'
import { fedMember, type FedMember, settle } from './watched-hub.ts'

const group = { namespace: 'default', group: 'shop' }
const file = { ...group, file: 'app.yaml' }
const other = { ...group, file: 'other.yaml' }
const canary = { labels: { zone: 'canary' } }
const rule = { labels: [{ label: 'zone', type: 'exact', value: 'canary' }] } as const
const otherRule = { labels: [{ label: 'zone', type: 'regex', value: 'canary|blue' }] } as const

/** What a client has of a version with a content. */
function has(version: number, content: string): Fingerprint {
  return { ...file, version, md5: createHash('md5').update(content).digest('hex') }
}

/** The versions that a client is told, by watches and polls of all kinds, when it comes with what it has. Undefined: nothing. */
async function toldTo(
  member: FedMember,
  known: Fingerprint,
  client?: ConfigClient,
): Promise<readonly (number | undefined)[]> {
  const told: (number | undefined)[] = []
  for (const targets of [[file], [group], [file, other]]) {
    let batch: ChangeBatch | undefined
    const watch = member.hub.watch({ targets, known: [known], client })
    void watch[Symbol.asyncIterator]()
      .next()
      .then(({ value }) => (batch = value))
    const polled = await member.hub.poll({ targets, known: [known], client }, { timeoutMs: 0 })
    await settle(member)
    watch.close()
    const [change] = batch?.changes ?? []
    told.push(change?.type === 'released' ? change.release.version : undefined)
    const [answer] = polled.type === 'changed' ? polled.changes : []
    told.push(answer?.type === 'released' ? answer.info.version : undefined)
  }
  return told
}

const nothing = [undefined, undefined, undefined, undefined, undefined, undefined]

function all(version: number): readonly number[] {
  return nothing.map(() => version)
}

describe('who comes again with what he has of a release that was restated since', () => {
  test('is told nothing when it was only restated, and the newest when it was another one', async () => {
    const member = fedMember()
    const { feeder } = member
    feeder.publish(file, { content: 'zero' })
    feeder.publish(file, { content: 'one' })
    feeder.grayPublish(file, { content: 'gray', rule })
    feeder.stop(file)
    member.take()
    expect(await toldTo(member, has(2, 'one'))).toEqual(nothing)
    expect(await toldTo(member, has(4, 'one'))).toEqual(nothing)
    expect(await toldTo(member, has(1, 'zero'))).toEqual(all(4))
    expect(await toldTo(member, has(3, 'gray'))).toEqual(all(4))
  })

  test('is told when another one with the same content was restated: its tags may be others', async () => {
    const member = fedMember()
    const { feeder } = member
    feeder.publish(file, { content: 'one', tags: { owner: 'a' } })
    feeder.publish(file, { content: 'one', tags: { owner: 'b' } })
    feeder.grayPublish(file, { content: 'gray', rule })
    feeder.stop(file)
    member.take()
    expect(await toldTo(member, has(2, 'one'))).toEqual(nothing)
    expect(await toldTo(member, has(1, 'one'))).toEqual(all(4))
  })

  test('is told nothing when only the rule was changed, whichever of both he sees', async () => {
    const member = fedMember()
    const { feeder } = member
    feeder.publish(file, { content: 'one' })
    feeder.grayPublish(file, { content: 'gray', rule })
    feeder.changeRule(file, otherRule)
    member.take()
    expect(await toldTo(member, has(1, 'one'))).toEqual(nothing)
    expect(await toldTo(member, has(2, 'gray'), canary)).toEqual(nothing)
    expect(await toldTo(member, has(1, 'one'), canary)).toEqual(all(4))
    feeder.changeRule(file, rule)
    feeder.stop(file)
    member.take()
    expect(await toldTo(member, has(1, 'one'))).toEqual(nothing)
    expect(await toldTo(member, has(2, 'gray'), canary)).toEqual(all(7))
  })

  test("is told nothing when what only he saw is everybody's now, restated or not", async () => {
    const member = fedMember()
    const { feeder } = member
    feeder.publish(file, { content: 'one' })
    feeder.grayPublish(file, { content: 'gray', rule })
    feeder.changeRule(file, otherRule)
    feeder.promote(file)
    member.take()
    expect(await toldTo(member, has(2, 'gray'), canary)).toEqual(nothing)
    expect(await toldTo(member, has(4, 'gray'), canary)).toEqual(nothing)
    expect(await toldTo(member, has(3, 'one'))).toEqual(all(4))
  })

  test('is told when he had what others saw, with the same content: its tags may be others', async () => {
    const member = fedMember()
    const { feeder } = member
    feeder.publish(file, { content: 'one', tags: { owner: 'a' } })
    feeder.grayPublish(file, { content: 'one', tags: { owner: 'b' }, rule })
    feeder.changeRule(file, otherRule)
    feeder.changeRule(file, rule)
    member.take()
    expect(await toldTo(member, has(4, 'one'))).toEqual(all(5))
    expect(await toldTo(member, has(3, 'one'), canary)).toEqual(all(6))
    feeder.promote(file)
    member.take()
    expect(await toldTo(member, has(1, 'one'), canary)).toEqual(all(6))
    expect(await toldTo(member, has(5, 'one'), canary)).toEqual(all(6))
  })
})
