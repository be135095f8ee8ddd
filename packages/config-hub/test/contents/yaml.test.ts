import { Composer } from 'yaml'
import { describe, expect, test } from 'vitest'
import { checkContent } from '../../src/contents/check-content.ts'
import { type Accepted, expectAccepted, expectRefused, type Refused } from './content-case.ts'

const accepted: readonly Accepted[] = [
  ['nothing', ''],
  ['a comment', '# nothing yet\n'],
  ['a mapping', 'server:\n  port: 8080\n  hosts: [a, "b"]\n'],
  ['several documents', 'a: 1\n---\na: 2\n...\n---\n- 3\n'],
  ['a version', '%YAML 1.1\n---\na: yes\n'],
  ['a byte order mark', '\ufeffa: 1\n'],
  ['tags of others', 'a: !Ref b\nc: !Sub [d]\ne: !<x:y> {f: g}\nh: !!java.lang.Long 5\n'],
  ['tags of its own', 'a: !!set {b, c}\nd: !!binary ~\n'],
  ['an alias', 'a: &x {b: c}\nd: *x\ne: *x\n'],
  ['anchors that are used again', '- &x 1\n- *x\n- &x 2\n- *x\n'],
  ['merges', 'a: &x {b: 1}\nc:\n  <<: *x\n  <<: {d: 1}\n'],
  ['numbers and texts that look alike', '1: a\n"1": b\n'],
  ['the same name in two mappings', 'a: {x: 1}\nb: {x: 1}\n'],
  ['texts of several lines', 'a: |\n  b\n   c\nd: >-\n  e\n\n  f\n'],
  ['128 levels', `${'['.repeat(128)}${']'.repeat(128)}`],
  ['many small documents', '--- 1\n'.repeat(2_000)],
  ['aliases of something large', `a: &x [${'1,'.repeat(1_000)}]\nb: [${'*x,'.repeat(1_000)}]\n`],
]

const refused: readonly Refused[] = [
  ['an indent too small', 'a:\n    b: 1\n  c: 2\n', 3, 1],
  ['a tab as an indent', 'a:\n\tb: 1\n', 2, 1],
  ['a quote without an end', 'a: "b\nc: 1\n', 3, 1],
  ['a bracket without an end', 'a: [1, 2\nb: 3\n', 2, 1],
  ['two mappings on a line', 'a: b: c\n', 1, 4],
  ['an unknown escape', 'a: "\\q"\n', 1, 5],
  ['what cannot begin a text', 'a: @b\n', 1, 4],
  ['a name twice', 'a: 1\nb: 2\na: 3\n', 3, 1],
  ['a name twice in the depth', 'a:\n  - {b: 1, "b": 2}\n', 2, 12],
  ['a name twice, in two ways', '1: a\n0x1: b\n', 2, 1],
  ['an alias of nothing', 'a: *x\n', 1, 4],
  ['an alias before its anchor', 'a: *x\nb: &x 1\n', 1, 4],
  ['an anchor in another document', 'a: &x 1\n---\nb: *x\n', 3, 4],
  ['an alias in what it stands for', 'a: &x\n  b: *x\n', 2, 6],
  ['two anchors', 'a: &x &y 1\n', 1, 7],
  ['what is behind a document', 'a: 1\n... b\n', 2, 5],
  ['directives without a document', '%YAML 1.2\n', 2, 1],
  ['an error in the second document', 'a: 1\r\n---\r\nb: ]\r\n', 3, 4],
  ['brackets that close nothing', 'a: 1\n]\n', 2, 1],
  ['129 levels of sequences', '['.repeat(129), 1, 130],
  [
    '129 levels of mappings',
    Array.from({ length: 130 }, (_, n) => `${' '.repeat(n)}a:\n`).join(''),
    129,
    131,
  ],
]

describe('YAML', () => {
  test.each(accepted)('may be %s', (_, content) => {
    expectAccepted('yaml', content)
  })

  test.each(refused)('may not be %s', (_, content, line, column) => {
    expectRefused('yaml', content, { line, column })
  })

  test('may not be a few aliases that stand for billions of nodes', () => {
    const lines = Array.from(
      { length: 12 },
      (_, n) => `a${n}: &a${n} [${n === 0 ? 'x' : `*a${n - 1},`.repeat(9)}]\n`,
    )
    expectRefused('yaml', lines.join(''), { line: 8, column: 9 })
  })

  test('may not be aliases in names of mappings that stand for billions of nodes either', () => {
    const lines = Array.from(
      { length: 30 },
      (_, n) => `- &a${n} {? ${n === 0 ? 'x' : `*a${n - 1}`} : ${n === 0 ? 'x' : `*a${n - 1}`} }\n`,
    )
    expectRefused('yaml', lines.join(''), {})
  })

  test('says what is wrong without quoting it', () => {
    expect(() => checkContent('a: |secret\n', 'yaml')).toThrow(
      /^CONFIG_CONTENT_INVALID: Block scalar header includes extra characters \(line 1, column 5\)$/,
    )
  })

  test('is composed by what lets itself be stopped at its first error', () => {
    // The check sets this one, which the library does not promise: without it, contents of many errors would take long.
    expect(new Composer()).toHaveProperty('onError', expect.any(Function))
  })
})
