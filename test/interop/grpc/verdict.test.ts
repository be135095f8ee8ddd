import { expect, test } from 'vitest'
import { heapGrowthMaxBytes, type Rest, violationsOf } from './soak/verdict.ts'

const rest: Rest = {
  ...{ when: 'before', atSeconds: 0, connections: 0, calls: 0, connectionsTotal: 0, callsTotal: 0 },
  ...{ residentBytes: 0, heapBytes: 1_000, descriptors: 20 },
}
const first: Rest = { ...rest, when: 'after the first part' }
const last: Rest = { ...rest, when: 'at the end' }

test('a soak that leaves nothing is passed, whatever was allocated in its first part', () => {
  const grown = 1_000 + 2 * heapGrowthMaxBytes
  const rests = [rest, { ...first, heapBytes: grown }, { ...last, heapBytes: grown + heapGrowthMaxBytes }]
  expect(violationsOf(rests)).toEqual([])
})

test.each([
  [{ connections: 1 }, 'at the end: 1 connections are left'],
  [{ calls: 2 }, 'at the end: 2 calls are left'],
  [{ descriptors: 21 }, 'at the end: 21 descriptors are left of 20 at first'],
  [
    { heapBytes: 1_001 + heapGrowthMaxBytes },
    `the heap has grown by ${1 + heapGrowthMaxBytes} bytes since the first part of the load`,
  ],
])('a soak that leaves %o fails', (left, violation) => {
  expect(violationsOf([rest, first, { ...last, ...left }])).toEqual([violation])
})

test('what is left after the first part is told, too', () => {
  expect(violationsOf([rest, { ...first, calls: 1 }, last])).toEqual([
    'after the first part: 1 calls are left',
  ])
})

test('a soak without an end fails', () => {
  expect(violationsOf([rest, first])).toEqual(['there was no end'])
})
