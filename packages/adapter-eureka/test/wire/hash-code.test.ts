import { expect, test } from 'vitest'
import { hashCodeOf } from '../../src/wire/hash-code.ts'
import type { InstanceStatus } from '../../src/wire/instance-info.ts'

test.each<[[InstanceStatus, number][], string]>([
  [[], ''],
  [[['UP', 0]], ''],
  [
    [
      ['UP', 3],
      ['DOWN', 1],
    ],
    'DOWN_1_UP_3_',
  ],
  [
    [
      ['UP', 1],
      ['UNKNOWN', 2],
      ['STARTING', 3],
      ['OUT_OF_SERVICE', 4],
      ['DOWN', 5],
    ],
    'DOWN_5_OUT_OF_SERVICE_4_STARTING_3_UNKNOWN_2_UP_1_',
  ],
])('the hash code of %j is %j', (counts, expected) => {
  expect(hashCodeOf(new Map(counts))).toBe(expected)
})
