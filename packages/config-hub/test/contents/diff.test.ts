import { applyPatch } from 'diff'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ContentDiff } from '../../src/config-hub.ts'
import { diffContents } from '../../src/contents/diff.ts'

const labels = { from: 'a.txt v1', to: 'a.txt v2' }
const diff = (from: string, to: string): ContentDiff => diffContents(from, to, labels)
const numbers = (count: number, prefix = 'line '): string =>
  Array.from({ length: count }, (_, n) => `${prefix}${n + 1}\n`).join('')

describe('what differs between two contents', () => {
  test('is nothing where they are the same', () => {
    expect(diff('a\n', 'a\n')).toEqual({ unified: '', added: 0, removed: 0 })
    expect(diff('', '')).toEqual({ unified: '', added: 0, removed: 0 })
  })

  test('is a line, with three around it', () => {
    const from = numbers(10)
    expect(diff(from, from.replace('line 5', 'line five'))).toEqual({
      unified: [
        ...['--- a.txt v1', '+++ a.txt v2', '@@ -2,7 +2,7 @@'],
        ...[' line 2', ' line 3', ' line 4', '-line 5', '+line five', ' line 6', ' line 7', ' line 8', ''],
      ].join('\n'),
      added: 1,
      removed: 1,
    })
  })

  test('stands together where it is near, and apart where it is not', () => {
    const from = numbers(30)
    const hunks = (to: string): number => diff(from, to).unified.split('@@ -').length - 1
    expect(hunks(from.replace('line 5\n', '').replace('line 12\n', ''))).toBe(1)
    expect(hunks(from.replace('line 5\n', '').replace('line 13\n', ''))).toBe(2)
  })

  test('says of a last line whether it ends', () => {
    expect(diff('a\nb', 'a\nb\n').unified).toBe(
      '--- a.txt v1\n+++ a.txt v2\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n',
    )
  })

  test('is all of it where one of them is empty', () => {
    expect(diff('', 'a\nb\n')).toEqual({
      unified: '--- a.txt v1\n+++ a.txt v2\n@@ -0,0 +1,2 @@\n+a\n+b\n',
      added: 2,
      removed: 0,
    })
    expect(diff('a', '').unified).toBe(
      '--- a.txt v1\n+++ a.txt v2\n@@ -1,1 +0,0 @@\n-a\n\\ No newline at end of file\n',
    )
  })

  test('tells ends of lines apart', () => {
    expect(diff('a\r\nb\r\n', 'a\nb\n')).toMatchObject({ added: 2, removed: 2 })
  })

  test('makes the second of the first, whatever they are', () => {
    const content = fc.array(fc.constantFrom('a', 'b', 'c', '', '\r', '-', '+x', '\\'), { maxLength: 30 })
    const property = fc.property(content, content, fc.boolean(), fc.boolean(), (a, b, endsA, endsB) => {
      const from = a.join('\n') + (endsA ? '\n' : '')
      const to = b.join('\n') + (endsB ? '\n' : '')
      expectMade(from, to)
    })
    fc.assert(property, { numRuns: 1_000 })
  })

  test('is counted as it stands there, and as few lines as can be', () => {
    const content = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 })
    const property = fc.property(content, content, (a, b) => {
      const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('')
      const { added, removed } = diff(text(a), text(b))
      expect(added - removed).toBe(b.length - a.length)
      expect(a.length - removed).toBe(commonLines(a, b))
    })
    fc.assert(property, { numRuns: 500 })
  })

  test('is everything between the first and the last line that differ, where it is too much', () => {
    const head = numbers(5, 'head ')
    const tail = numbers(5, 'tail ')
    const from = head + numbers(2_000, 'a ') + tail
    const to = head + numbers(3_000, 'b ') + tail
    expect(expectMade(from, to)).toMatchObject({ added: 3_000, removed: 2_000 })
  })

  test.each([
    ['lines that are all others', numbers(90_000, 'a '), numbers(90_000, 'b ')],
    ['lines that begin alike', numbers(1_000, 'x'.repeat(1_000)), numbers(1_000, `${'x'.repeat(1_000)}y`)],
    ['one line', 'a'.repeat(1_048_576), 'b'.repeat(1_048_576)],
    ['empty lines', '\n'.repeat(1_048_576), 'a\n'.repeat(524_288)],
    ['few lines again and again', 'a\nb\nc\n'.repeat(150_000), 'c\na\na\nb\n'.repeat(120_000)],
  ])('is found for large contents of %s', (_, from, to) => {
    const { unified, added, removed } = diff(from, to)
    expect(countOf(unified)).toEqual({ added, removed })
    expect(added - removed).toBe(to.split('\n').length - from.split('\n').length)
  })
})

function expectMade(from: string, to: string): ContentDiff {
  const made = diff(from, to)
  expect(countOf(made.unified)).toEqual({ added: made.added, removed: made.removed })
  expect(from === to ? to : applyPatch(from, made.unified, { autoConvertLineEndings: false })).toBe(to)
  return made
}

/** Lines that the text marks as added and removed. */
function countOf(unified: string): { readonly added: number; readonly removed: number } {
  const lines = unified.split('\n').slice(2)
  return {
    added: lines.filter((line) => line.startsWith('+')).length,
    removed: lines.filter((line) => line.startsWith('-')).length,
  }
}

/** How long the longest is that both have in this order: the plain way, over all pairs. */
function commonLines(a: readonly string[], b: readonly string[]): number {
  let above = b.map(() => 0)
  for (const line of a) {
    const row: number[] = []
    b.forEach((other, at) => {
      const [left = 0, up = 0, corner = 0] = [row[at - 1], above[at], above[at - 1]]
      row.push(line === other ? corner + 1 : Math.max(left, up))
    })
    above = row
  }
  return above.at(-1) ?? 0
}
