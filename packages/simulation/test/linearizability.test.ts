import { createRandom } from '@orrery/environment'
import {
  type Operation,
  type RegisterInput,
  type RegisterOutput,
  type RevisionInput,
  type RevisionOutput,
  checkLinearizability,
  createRevisionModel,
  registerModel,
} from '@orrery/simulation'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

type RegisterOperation = Operation<RegisterInput, RegisterOutput>

const read = (
  calledAt: number,
  returnedAt: number | undefined,
  value?: number,
  key = 'a',
): RegisterOperation => ({
  input: { type: 'read', key },
  calledAt,
  returnedAt,
  output: returnedAt === undefined ? undefined : (value ?? 0),
})
const write = (
  calledAt: number,
  returnedAt: number | undefined,
  value: number,
  key = 'a',
): RegisterOperation => ({
  input: { type: 'write', key, value },
  calledAt,
  returnedAt,
  output: returnedAt === undefined ? undefined : true,
})
const cas = (
  calledAt: number,
  returnedAt: number | undefined,
  change: readonly [expected: number, value: number],
  isDone?: boolean,
): RegisterOperation => ({
  input: { type: 'cas', key: 'a', expected: change[0], value: change[1] },
  calledAt,
  returnedAt,
  output: isDone,
})

const verdictOn = (history: readonly RegisterOperation[]): string =>
  checkLinearizability(registerModel, history).type

describe('a register is linearizable when', () => {
  const legal: readonly (readonly [string, readonly RegisterOperation[]])[] = [
    ['nothing happened', []],
    ['reads follow writes', [write(1, 2, 5), read(3, 4, 5), write(5, 6, 7), read(7, 8, 7)]],
    ['a read sees a write that is under way', [write(1, 10, 5), read(2, 3, 5), read(4, 5, 5)]],
    ['a read does not see a write that is under way', [write(1, 10, 5), read(2, 3, 0)]],
    ['two writes overlap and the first to return wins', [write(1, 3, 5), write(2, 4, 6), read(5, 6, 5)]],
    ['a call and a return at the same time overlap', [write(1, 2, 5), read(2, 3, 0)]],
    ['an unknown write is seen late', [write(1, undefined, 5), read(2, 3, 0), read(4, 5, 5), read(6, 7, 5)]],
    ['an unknown write is never seen', [write(1, undefined, 5), read(2, 3, 0), read(4, 5, 0)]],
    ['an unknown read says nothing', [write(1, 2, 5), read(3, undefined)]],
    ['a swap finds what it expects', [cas(1, 2, [0, 4], true), cas(3, 4, [4, 9], true), read(5, 6, 9)]],
    ['a swap fails', [write(1, 2, 1), cas(3, 4, [0, 4], false), read(5, 6, 1)]],
    ['an unknown swap took place', [cas(1, undefined, [0, 4]), read(2, 3, 4)]],
    ['keys are apart', [write(1, 2, 5), read(3, 4, 0, 'b'), write(5, 6, 7, 'b'), read(7, 8, 5)]],
  ]
  test.each(legal)('%s', (_, history) => {
    expect(verdictOn(history)).toBe('legal')
  })
})

describe('a register is not linearizable when', () => {
  const illegal: readonly (readonly [string, readonly RegisterOperation[]])[] = [
    ['a read is stale', [write(1, 2, 5), read(3, 4, 0)]],
    ['a value comes from nowhere', [read(1, 2, 9)]],
    ['reads go back in time', [write(1, 10, 5), read(2, 3, 5), read(4, 5, 0)]],
    [
      'two reads see two writes in different orders',
      [write(1, 20, 5), write(1, 20, 6), read(2, 3, 5), read(4, 5, 6), read(6, 7, 5)],
    ],
    ['a swap succeeds on another value', [write(1, 2, 1), cas(3, 4, [0, 4], true)]],
    ['a swap fails on the value that it expects', [cas(1, 2, [0, 4], false)]],
    ['two swaps of one value succeed', [cas(1, 5, [0, 4], true), cas(2, 6, [0, 3], true)]],
    ['an unknown write is seen before its call', [read(1, 2, 5), write(3, undefined, 5)]],
    ['an unknown write vanishes again', [write(1, undefined, 5), read(2, 3, 5), read(4, 5, 0)]],
    [
      'an unknown write takes place twice',
      [write(1, undefined, 5), read(2, 3, 5), write(4, 5, 6), read(6, 7, 6), read(8, 9, 5)],
    ],
    ['one of several keys is stale', [write(1, 2, 5), write(1, 2, 7, 'b'), read(3, 4, 0, 'b')]],
  ]
  test.each(illegal)('%s', (_, history) => {
    expect(verdictOn(history)).toBe('illegal')
  })
})

/** Tries every order. */
function isLinearizableByForce(history: readonly RegisterOperation[]): boolean {
  const search = (left: readonly RegisterOperation[], state: number): boolean => {
    if (left.every(({ returnedAt }) => returnedAt === undefined)) return true
    const firstReturn = Math.min(...left.map(({ returnedAt }) => returnedAt ?? Infinity))
    return left.some((operation) => {
      if (operation.calledAt > firstReturn) return false
      const after = registerModel.step(state, operation.input, operation.output)
      return (
        after !== undefined &&
        search(
          left.filter((other) => other !== operation),
          after,
        )
      )
    })
  }
  return search(history, 0)
}

const operation = fc
  .record({
    type: fc.constantFrom('read', 'write', 'cas'),
    calledAt: fc.integer({ min: 0, max: 20 }),
    took: fc.option(fc.integer({ min: 0, max: 8 }), { nil: undefined, freq: 6 }),
    expected: fc.integer({ min: 0, max: 2 }),
    value: fc.integer({ min: 0, max: 2 }),
    isDone: fc.boolean(),
  })
  .map(({ type, calledAt, took, expected, value, isDone }) => {
    const returnedAt = took === undefined ? undefined : calledAt + took
    if (type === 'read') return read(calledAt, returnedAt, value)
    if (type === 'write') return write(calledAt, returnedAt, value)
    return cas(calledAt, returnedAt, [expected, value], returnedAt === undefined ? undefined : isDone)
  })

test('the search agrees with trying every order', () => {
  const seen = { legal: 0, illegal: 0 }
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 7 }), (history) => {
      const isLegal = isLinearizableByForce(history)
      seen[isLegal ? 'legal' : 'illegal']++
      expect(verdictOn(history)).toBe(isLegal ? 'legal' : 'illegal')
    }),
    { numRuns: 3_000 },
  )
  expect(Math.min(seen.legal, seen.illegal)).toBeGreaterThan(300)
})

/** What clients of a correct register see: each operation takes effect at one moment. */
function simulateClients(count: number, clients: number): RegisterOperation[] {
  const random = createRandom(4)
  let value = 0
  const free = Array.from({ length: clients }, () => 0)
  const history: RegisterOperation[] = []
  for (let at = 1; at <= count; at++) {
    const client = random.below(clients)
    if ((free[client] ?? 0) > at) continue
    const calledAt = Math.max(free[client] ?? 0, at - random.float() * clients)
    const returnedAt = at + random.float() * clients
    free[client] = returnedAt
    if (random.below(2) === 0) history.push(read(calledAt, returnedAt, value))
    else history.push(write(calledAt, returnedAt, (value = at)))
  }
  return history
}

describe('a large history', () => {
  test('of some clients is found legal', () => {
    expect(verdictOn(simulateClients(20_000, 5))).toBe('legal')
  })

  test('with one wrong read near its end is found illegal, and the report names it', () => {
    const history = simulateClients(5_000, 5)
    history.push(read(6_000, 6_001, 123_456))
    const verdict = checkLinearizability(registerModel, history)
    expect(verdict).toMatchObject({ type: 'illegal' })
    expect(JSON.stringify(verdict)).toContain('123456')
  })

  test('that would take too long gets no verdict', () => {
    const history = Array.from({ length: 60 }, (_, n) => write(1, 100, n))
    history.push(read(101, 102, 1_000))
    expect(checkLinearizability(registerModel, history, { maxConfigurations: 1_000 }).type).toBe('unknown')
  })
})

describe('a store with revisions', () => {
  type RevisionOperation = Operation<RevisionInput, RevisionOutput>
  const done = (at: number, input: RevisionInput, output: RevisionOutput): RevisionOperation => ({
    input,
    calledAt: at,
    returnedAt: at + 1.5,
    output,
  })
  const found = (value: string, modRevision: number): { value: string; modRevision: number } => ({
    value,
    modRevision,
  })
  const story = [
    done(1, { type: 'put', key: 'a', value: 'x' }, { revision: 2 }),
    done(3, { type: 'put', key: 'b', value: 'y' }, { revision: 3 }),
    done(5, { type: 'get', key: 'a' }, { revision: 3, found: found('x', 2) }),
    done(7, { type: 'putIf', key: 'a', value: 'z', modRevision: 2 }, { revision: 4, isDone: true }),
    done(9, { type: 'putIf', key: 'a', value: 'w', modRevision: 2 }, { revision: 4, isDone: false }),
    done(11, { type: 'delete', key: 'b' }, { revision: 5 }),
    done(13, { type: 'delete', key: 'b' }, { revision: 5 }),
    done(15, { type: 'get', key: 'b' }, { revision: 5 }),
  ]
  const verdict = (history: readonly RevisionOperation[]): string =>
    checkLinearizability(createRevisionModel(), history).type

  test('is linearizable when every change has the next revision', () => {
    expect(verdict(story)).toBe('legal')
  })

  test.each(story.map((_, n) => n))('is not when operation %i has another answer', (n) => {
    const changed = story.map((each, at) =>
      at === n && each.output !== undefined
        ? { ...each, output: { ...each.output, revision: each.output.revision + 1 } }
        : each,
    )
    expect(verdict(changed)).toBe('illegal')
  })

  test('is not when a condition is answered wrongly or a value is old', () => {
    const get = done(20, { type: 'get', key: 'a' }, { revision: 5, found: found('x', 2) })
    expect(verdict([...story, get])).toBe('illegal')
    const put = done(
      20,
      { type: 'putIf', key: 'a', value: 'q', modRevision: 4 },
      { revision: 6, isDone: false },
    )
    expect(verdict([...story, put])).toBe('illegal')
  })

  test('may have taken an unknown write or not', () => {
    const lost: RevisionOperation = {
      input: { type: 'put', key: 'a', value: 'lost' },
      calledAt: 16,
      returnedAt: undefined,
      output: undefined,
    }
    const without = done(20, { type: 'get', key: 'a' }, { revision: 5, found: found('z', 4) })
    const taken = done(22, { type: 'get', key: 'a' }, { revision: 6, found: found('lost', 6) })
    expect(verdict([...story, lost, without, taken])).toBe('legal')
    expect(verdict([...story, lost, taken, done(24, { type: 'get', key: 'a' }, { revision: 5 })])).toBe(
      'illegal',
    )
  })
})
