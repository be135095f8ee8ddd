import { createMemoryStore } from '@orrery/store'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MemberPlace, type MemberPlaceParts } from '../../src/health/member-place.ts'
import { createRing } from '../../src/health/ring.ts'
import { createVirtualTime, type VirtualTime } from '../virtual-time.ts'

let time: VirtualTime
let store: MemberPlaceParts['store']
let places: MemberPlace[]

beforeEach(() => {
  time = createVirtualTime()
  store = createMemoryStore({ environment: time.environment })
  places = []
})

afterEach(async () => {
  await time.until(Promise.all(places.map((place) => place.close())))
  await time.until(store.close())
})

async function started(name: string): Promise<MemberPlace> {
  const { environment } = time
  const place = new MemberPlace({ store, environment, prefix: 'registry/', name, address: '', ttlMs: 5_000 })
  places.push(place)
  await time.until(place.start({}))
  return place
}

const nowMs = (): number => time.environment.clock.nowMs()

describe('the place of a member', () => {
  test('that is taken by another process of the name is lost, and that is logged once', async () => {
    const first = await started('a')
    expect(first.isValid(nowMs())).toBe(true)
    const second = await started('a')
    await time.untilSo(() => !first.isValid(nowMs()))
    await time.pass(2_000)
    expect(second.isValid(nowMs())).toBe(true)
    const errors = time.environment.logger.lines.filter(({ level }) => level === 'error')
    expect(errors).toMatchObject([{ fields: { name: 'a', other: { life: second.life } } }])
  })

  test('lets it judge as long as it has it, and knows everybody who came', async () => {
    const place = await started('a')
    const key = 'registry/checkers/a'
    const revision = (await time.until(store.get(key)))?.modRevision ?? 0
    place.ring = createRing([], revision)
    const fence = (): Promise<boolean> =>
      time.until(store.txn({ compare: [...(place.fence(nowMs()) ?? [])] })).then(({ succeeded }) => succeeded)
    expect(await fence()).toBe(true)
    const other = await started('b')
    expect(await fence()).toBe(false)
    await time.until(other.close())
    expect(await fence()).toBe(true)
    await time.until(place.close())
    expect(place.fence(nowMs())).toBeUndefined()
  })
})
