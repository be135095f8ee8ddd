import { readFileSync } from 'node:fs'
import { walDefaults, walErrorCodes } from '@orrery/wal'
import { expect, test } from 'vitest'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const firstCells = [...readme.matchAll(/^\| `(\w+)`/gm)].map(([, cell]) => cell)

test('the README lists every error code and no other', () => {
  expect(firstCells.filter((cell) => cell?.startsWith('WAL_')).sort()).toEqual([...walErrorCodes].sort())
})

test('the README lists every option', () => {
  expect(firstCells).toEqual(expect.arrayContaining(Object.keys(walDefaults)))
})
