import { describe, expect, test } from 'vitest'
import { toClient } from '../../src/validate/client.ts'
import {
  checkAuditQuery,
  checkDiffSides,
  checkFileQuery,
  checkPage,
  checkPollOptions,
  checkSlice,
  checkVersion,
  checkWatchQuery,
} from '../../src/validate/queries.ts'
import { chars, entries, refusal } from './refusal.ts'

const strange = (query: unknown): never => query as never
const target = { namespace: 'n', group: 'g' }
const file = { ...target, file: 'f' }

describe('a watch', () => {
  const watchOf = (query: object): ReturnType<typeof checkWatchQuery> =>
    checkWatchQuery(strange({ targets: [target], ...query }))

  test('is complete where only its targets are given', () => {
    expect(watchOf({})).toStrictEqual({ targets: [target], client: {}, known: [], afterRevision: 0 })
  })

  test('takes groups, files and what begins so', () => {
    const targets = [target, file, { ...target, prefix: 'a/' }, { ...target, prefix: '' }]
    expect(watchOf({ targets }).targets).toStrictEqual(targets)
  })

  test('is not changed by who changes what he gave', () => {
    const targets = [{ ...target }]
    const known = [{ ...file, version: 1 }]
    const watch = watchOf({ targets, known })
    targets.push({ ...target, group: 'h' })
    known.length = 0
    expect(watch).toMatchObject({ targets: [target], known: [{ ...file, version: 1 }] })
  })

  test('takes what is known without a version or an MD5', () => {
    const md5 = '0123456789ABCDEF0123456789ABCDEF'
    expect(
      watchOf({ known: [file, { ...file, md5: '' }, { ...file, version: 3, md5 }] }).known,
    ).toStrictEqual([
      { ...file, version: 0 },
      { ...file, version: 0, md5: '' },
      { ...file, version: 3, md5: md5.toLowerCase() },
    ])
  })

  test.each([
    ['targets', { targets: [] }],
    ['targets', { targets: undefined }],
    ['targets', { targets: target }],
    ['targets', { targets: Array.from({ length: 10_001 }, () => target) }],
    ['key', { targets: [null] }],
    ['key', { targets: Array(1) }],
    ['namespace', { targets: [{ group: 'g' }] }],
    ['group', { targets: [{ namespace: 'n', group: 'g h' }] }],
    ['file', { targets: [{ ...target, file: 'a//b' }] }],
    ['prefix', { targets: [{ ...file, prefix: 'a' }] }],
    ['prefix', { targets: [{ ...target, prefix: 5 }] }],
    ['prefix', { targets: [{ ...target, prefix: chars(257) }] }],
    ['client.id', { client: { id: 5 } }],
    ['known', { known: {} }],
    ['known', { known: Array.from({ length: 100_001 }, () => file) }],
    ['file', { known: [target] }],
    ['version', { known: [{ ...file, version: -1 }] }],
    ['version', { known: [{ ...file, version: '1' }] }],
    ['md5', { known: [{ ...file, md5: 5 }] }],
    ['md5', { known: [{ ...file, md5: chars(65) }] }],
    ['afterRevision', { afterRevision: -1 }],
    ['afterRevision', { afterRevision: 1.5 }],
  ])('is refused for its %s: %#', (field, query) => {
    expect(() => watchOf(query)).toThrow(refusal(field))
  })

  test('is an object', () => {
    expect(() => checkWatchQuery(strange(null))).toThrow(refusal('query'))
  })
})

test('a poll waits for as long as it says, or half a minute', () => {
  expect(checkPollOptions({})).toBe(30_000)
  expect(checkPollOptions({ timeoutMs: 0 })).toBe(0)
  expect(checkPollOptions({ timeoutMs: 600_000 })).toBe(600_000)
  for (const timeoutMs of [-1, 600_001, 0.5, NaN, Infinity, '5', null]) {
    expect(() => checkPollOptions(strange({ timeoutMs }))).toThrow(refusal('timeoutMs'))
  }
})

test('a page has a begin and an end', () => {
  expect(checkPage({})).toStrictEqual({ offset: 0, limit: 100 })
  expect(checkPage({ offset: 7, limit: 10_000 })).toStrictEqual({ offset: 7, limit: 10_000 })
  for (const offset of [-1, 0.5, '1', null]) {
    expect(() => checkPage(strange({ offset }))).toThrow(refusal('offset'))
  }
  for (const limit of [0, 10_001, 0.5, '1', null]) {
    expect(() => checkPage(strange({ limit }))).toThrow(refusal('limit'))
    expect(() => checkSlice(strange({ limit }))).toThrow(refusal('limit'))
  }
})

test('a slice goes on behind a place', () => {
  expect(checkSlice({})).toStrictEqual({ after: undefined, limit: 100 })
  expect(checkSlice({ after: 'a', limit: 5 })).toStrictEqual({ after: 'a', limit: 5 })
  for (const after of [5, null, chars(4_097), '\ud800']) {
    expect(() => checkSlice(strange({ after }))).toThrow(refusal('after'))
  }
})

test('files are looked for by texts', () => {
  const query = { namespace: 'n', group: 'g', prefix: 'a/', tags: { a: 'b' }, released: true, limit: 5 }
  expect(() => checkFileQuery(query)).not.toThrow()
  for (const [field, value] of [
    ['namespace', 5],
    ['group', null],
    ['prefix', chars(257)],
    ['tags', 'a'],
    ['released', 'true'],
    ['offset', -1],
  ] as const) {
    expect(() => checkFileQuery(strange({ [field]: value }))).toThrow(refusal(field))
  }
})

test('the audit trail is read by what belongs together', () => {
  const query = {
    namespace: 'n',
    group: 'g',
    file: 'f',
    fromMs: 0,
    toMs: 5,
    actions: ['published'],
    actor: 'a',
  } as const
  expect(() => checkAuditQuery(query)).not.toThrow()
  for (const [field, given] of [
    ['group', { group: 'g' }],
    ['file', { namespace: 'n', file: 'f' }],
    ['fromMs', { fromMs: -1 }],
    ['toMs', { toMs: NaN }],
    ['actions', { actions: 'published' }],
    ['actions', { actions: ['deleted'] }],
    ['actor', { actor: 5 }],
    ['after', { after: 5 }],
  ] as const) {
    expect(() => checkAuditQuery(strange(given))).toThrow(refusal(field))
  }
})

test('versions count from 1 on', () => {
  expect(() => checkVersion(1)).not.toThrow()
  for (const version of [0, -1, 1.5, '1', null, undefined]) {
    expect(() => checkVersion(version)).toThrow(refusal('version'))
  }
  expect(() => checkDiffSides({ from: 1, to: 'draft' })).not.toThrow()
  expect(() => checkDiffSides({ from: 1, to: 2 })).not.toThrow()
  expect(() => checkDiffSides(strange({ from: 'draft', to: 1 }))).toThrow(refusal('from'))
  expect(() => checkDiffSides(strange({ from: 1, to: 'released' }))).toThrow(refusal('to'))
})

describe('a client', () => {
  test('may say nothing of itself', () => {
    expect(toClient(undefined)).toStrictEqual({})
    expect(toClient({ id: '', address: '', labels: undefined })).toStrictEqual({})
  })

  test('is copied, and stays as it is', () => {
    const labels: Record<string, string> = { zone: 'a', empty: '' }
    const client = toClient({ id: 'i', address: '10.1.2.3', labels, more: 1 })
    labels['zone'] = 'b'
    expect(client).toStrictEqual({ id: 'i', address: '10.1.2.3', labels: { zone: 'a', empty: '' } })
    expect(client).toSatisfy(Object.isFrozen)
    expect(client.labels).toSatisfy(Object.isFrozen)
  })

  test.each([
    ['10.1.2.3', '10.1.2.3'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::FFFF:0A01:0203', '10.1.2.3'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
  ])('at %s is at %s', (address, canonical) => {
    expect(toClient({ address }).address).toBe(canonical)
  })

  test.each([
    ['client', null],
    ['client', 'me'],
    ['client.id', { id: 5 }],
    ['client.id', { id: chars(257) }],
    ['client.id', { id: '\ud800' }],
    ['client.address', { address: 'localhost' }],
    ['client.address', { address: '10.1.2.3:80' }],
    ['client.address', { address: '10.1' }],
    ['client.address', { address: '010.1.2.3' }],
    ['client.address', { address: '[::1]' }],
    ['client.address', { address: 5 }],
    ['client.labels', { labels: [] }],
    ['client.labels', { labels: entries(65) }],
    ['client.labels', { labels: { '': 'v' } }],
    ['client.labels.a', { labels: { a: 5 } }],
    ['client.labels.a', { labels: { a: chars(4_097) } }],
  ])('is refused for its %s: %#', (field, client) => {
    expect(() => toClient(client)).toThrow(refusal(field))
  })
})
