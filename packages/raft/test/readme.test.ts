import { readFileSync } from 'node:fs'
import { raftDefaults, raftErrorCodes } from '@orrery/raft'
import { expect, test } from 'vitest'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const firstCells = [...readme.matchAll(/^\| `(\w+)`/gm)].map(([, cell]) => cell)

test('the README lists every error code and no other', () => {
  expect(firstCells.filter((cell) => cell?.startsWith('RAFT_')).sort()).toEqual([...raftErrorCodes].sort())
})

test('the README lists every option', () => {
  expect(firstCells).toEqual(expect.arrayContaining(Object.keys(raftDefaults)))
})
