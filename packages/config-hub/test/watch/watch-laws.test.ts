import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { actors, clients, files, interests, rules, type Step, WatchTrial } from './watch-trial.ts'

const actor = fc.nat(actors - 1)
const member = fc.nat(1)

const write: fc.Arbitrary<Step> = fc.record({
  type: fc.constant('write' as const),
  how: fc.constantFrom('publish', 'publish', 'gray', 'rule', 'promote', 'stop', 'withdraw', 'delete', 'save'),
  file: fc.nat(files.length - 1),
  content: fc.nat(2),
  tag: fc.nat(1),
  rule: fc.nat(rules.length - 1),
  encrypted: fc.boolean(),
})

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: write },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('take' as const),
      member,
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('gate' as const), member, isShut: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('open' as const),
      actor,
      member,
      says: fc.constantFrom('versionAndMd5', 'version', 'md5', 'versionAndRevision'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      ...{ type: fc.constant('come' as const), actor, member },
      interest: fc.nat(interests.length - 1),
      client: fc.nat(clients.length - 1),
    }),
  },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('ask' as const), actor }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('leave' as const), actor }) },
  { weight: 1, arbitrary: fc.constant<Step>({ type: 'pass' }) },
)

describe('whoever watches or polls, on members that lag', () => {
  test('is told what the rules give him, of nothing twice, never of an older version, and ends with what there is', async () => {
    const runs = Number(process.env['WATCH_RUNS'] ?? 2_000)
    let told = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 90, size: 'max' }),
        fc.constantFrom(0, 1_500, 1_000_000),
        async (steps, cacheMaxBytes) => {
          const trial = new WatchTrial(cacheMaxBytes)
          await trial.run(steps)
          told += trial.told
          expect(trial.faults).toEqual([])
        },
      ),
      { numRuns: runs },
    )
    expect(told).toBeGreaterThan(runs)
  })
})
