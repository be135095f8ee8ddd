import { describe, expect, test } from 'vitest'
import { checkGrayRule } from '../../src/gray/gray-rule.ts'
import { compileRule, matchesRule } from '../../src/gray/match-rule.ts'
import { filePath } from '../../src/keys.ts'
import type { ConfigClient, GrayRule, LabelMatcher, ReleaseInfo } from '../../src/model.ts'
import { toClient } from '../../src/validate/client.ts'
import { FileEntry } from '../../src/view/file-entry.ts'
import { GroupEntry } from '../../src/view/group-entry.ts'
import { GrayLine, ReleaseLine } from '../../src/view/release-line.ts'

// Who sees what: rules by clients. Where the rule matches, and there is a gray release, it is seen; else the full one; else nothing.

const key = { namespace: 'prod', group: 'shop', file: 'app.yaml' }

interface Row {
  readonly rule: GrayRule
  /** Who sees the gray release, and who does not. */
  readonly matched: readonly ConfigClient[]
  readonly unmatched: readonly ConfigClient[]
}

const noOne: ConfigClient = {}
const by = (labels: Readonly<Record<string, string>>): ConfigClient => ({ labels })
const zone = (value: string): ConfigClient => by({ zone: value })
const shard = (value: string): ConfigClient => by({ shard: value })
const at = (address: string): ConfigClient => ({ address })
const rule = (...labels: readonly LabelMatcher[]): GrayRule => ({ labels })
const times = <Item>(count: number, item: (nth: number) => Item): readonly Item[] =>
  Array.from({ length: count }, (_, nth) => item(nth))

/** Whom no rule on the label `zone` matches. */
const withoutZone: readonly ConfigClient[] = [
  noOne,
  by({}),
  by({ Zone: 'a' }),
  by({ 'zone ': 'a' }),
  { id: 'zone', address: '10.1.2.3' },
]

const table: Readonly<Record<string, Row>> = {
  'a label that equals': {
    rule: rule({ label: 'zone', type: 'exact', value: 'a' }),
    matched: [zone('a'), by({ zone: 'a', other: 'b' })],
    unmatched: [zone('b'), zone('A'), zone('a '), zone(''), ...withoutZone],
  },
  'a label that is empty': {
    rule: rule({ label: 'zone', type: 'exact', value: '' }),
    matched: [zone('')],
    unmatched: [zone(' '), ...withoutZone],
  },
  'a label that does not equal': {
    rule: rule({ label: 'zone', type: 'notEquals', value: 'a' }),
    matched: [zone('b'), zone('A'), zone('')],
    unmatched: [zone('a'), ...withoutZone],
  },
  'a label that is one of some': {
    rule: rule({ label: 'zone', type: 'in', values: ['a', 'b'] }),
    matched: [zone('a'), zone('b')],
    unmatched: [zone('c'), zone('a,b'), zone(''), ...withoutZone],
  },
  'a label that is none of some': {
    rule: rule({ label: 'zone', type: 'notIn', values: ['a', 'b'] }),
    matched: [zone('c'), zone('')],
    unmatched: [zone('a'), zone('b'), ...withoutZone],
  },
  'a label of a pattern': {
    rule: rule({ label: 'zone', type: 'regex', value: 'a|b+' }),
    matched: [zone('a'), zone('b'), zone('bbb')],
    unmatched: [zone('ab'), zone('xa'), zone('a\n'), zone(''), ...withoutZone],
  },
  'a label of a pattern that takes everything': {
    rule: rule({ label: 'zone', type: 'regex', value: '(?s).*' }),
    matched: [zone(''), zone('a'), zone('a\nb'), zone('x'.repeat(512))],
    unmatched: [zone('x'.repeat(513)), ...withoutZone],
  },
  'a label in a range': {
    rule: rule({ label: 'shard', type: 'range', from: -2, to: 10 }),
    matched: ['-2', '-1', '0', '-0', '5', '05', '10'].map(shard),
    unmatched: [
      ...[
        '-3',
        '11',
        '',
        ' 5',
        '5 ',
        '+5',
        '5.0',
        '5e0',
        '0x5',
        '٥',
        'five',
        '--1',
        '1_0',
        'Infinity',
        'NaN',
      ].map(shard),
      zone('5'),
      noOne,
    ],
  },
  'a label in a range of large numbers': {
    rule: rule({ label: 'shard', type: 'range', from: 0, to: Number.MAX_SAFE_INTEGER }),
    matched: ['0', '9007199254740991'].map(shard),
    unmatched: ['9007199254740992', '9007199254740993', '99999999999999999999', '-1'].map(shard),
  },
  'several labels': {
    rule: rule(
      { label: 'zone', type: 'exact', value: 'a' },
      { label: 'shard', type: 'range', from: 1, to: 3 },
      { label: 'canary', type: 'notEquals', value: 'no' },
    ),
    matched: [by({ zone: 'a', shard: '2', canary: 'yes' })],
    unmatched: [
      by({ zone: 'b', shard: '2', canary: 'yes' }),
      by({ zone: 'a', shard: '4', canary: 'yes' }),
      by({ zone: 'a', shard: '2', canary: 'no' }),
      by({ zone: 'a', shard: '2' }),
      ...withoutZone,
    ],
  },
  'one label, twice': {
    rule: rule(
      { label: 'zone', type: 'regex', value: 'a.*' },
      { label: 'zone', type: 'notIn', values: ['a1', 'a2'] },
    ),
    matched: [zone('a'), zone('a3')],
    unmatched: [zone('a1'), zone('b'), ...withoutZone],
  },
  'a label that is called as something that all objects have': {
    rule: rule({ label: 'toString', type: 'notEquals', value: 'a' }),
    matched: [by({ toString: 'b' })],
    unmatched: [zone('b'), noOne],
  },
  'an address': {
    rule: { addresses: ['10.1.2.3'] },
    matched: [at('10.1.2.3'), at('::ffff:10.1.2.3'), at('::ffff:a01:203'), { id: 'i', address: '10.1.2.3' }],
    unmatched: [at('10.1.2.4'), at('::10.1.2.3'), { id: '10.1.2.3' }, by({ address: '10.1.2.3' }), noOne],
  },
  'an address in the clothes of IPv6': {
    rule: { addresses: ['::ffff:10.1.2.3', '::ffff:10.2.0.0/112'] },
    matched: [at('10.1.2.3'), at('::ffff:10.1.2.3'), at('10.2.255.1')],
    unmatched: [at('10.1.2.4'), at('10.3.0.0')],
  },
  networks: {
    rule: { addresses: ['10.1.0.0/16', '10.3.0.0/31', '2001:db8::/32', '2001:db9::1'] },
    matched: ['10.1.0.0', '10.1.255.255', '10.3.0.1', '2001:db8::', '2001:DB8:FFFF::1', '2001:db9:0::1'].map(
      at,
    ),
    unmatched: [...['10.0.0.0', '10.2.0.0', '10.3.0.2', '2001:db7::', '2001:db9::2', '::1'].map(at), noOne],
  },
  'all networks of IPv4': {
    rule: { addresses: ['0.0.0.0/0'] },
    matched: ['0.0.0.0', '255.255.255.255', '::ffff:1.2.3.4'].map(at),
    unmatched: [at('::1'), at('2001:db8::1'), noOne],
  },
  'all networks of IPv6': {
    rule: { addresses: ['::/0'] },
    matched: ['::', '::1', '2001:db8::1', 'fe80::1%eth0'].map(at),
    unmatched: [at('10.1.2.3'), at('::ffff:10.1.2.3'), noOne],
  },
  nobody: {
    rule: { percent: 0 },
    matched: [],
    unmatched: [...times(200, (nth) => ({ id: `client-${nth}` })), at('10.1.2.3'), noOne],
  },
  'everybody who can be told from others': {
    rule: { percent: 100 },
    matched: [
      ...times(200, (nth) => ({ id: `client-${nth}` })),
      ...times(200, (nth) => at(`10.1.2.${nth}`)),
      { id: '', address: '::1' },
    ],
    unmatched: [noOne, { id: '' }, zone('a')],
  },
  'half of the clients': {
    // By their buckets of this file: 9 669 and 1 421.
    rule: { percent: 50 },
    matched: [{ id: 'client-3' }, { id: 'client-3', address: '10.1.2.3' }],
    unmatched: [{ id: 'client-1' }, { id: 'client-1', address: '10.1.2.4' }, noOne],
  },
  'as many as there are before the bucket of one': {
    rule: { percent: 14.21 },
    matched: [],
    unmatched: [{ id: 'client-3' }],
  },
  'as many as there are up to the bucket of one': {
    rule: { percent: 14.22 },
    matched: [{ id: 'client-3' }],
    unmatched: [{ id: 'client-1' }],
  },
  'everything at once': {
    rule: {
      labels: [{ label: 'zone', type: 'exact', value: 'a' }],
      addresses: ['10.1.0.0/16', '2001:db8::/32'],
      percent: 50,
    },
    matched: [
      { id: 'client-3', address: '10.1.2.3', labels: { zone: 'a' } },
      { id: 'client-3', address: '2001:db8::5', labels: { zone: 'a' } },
    ],
    unmatched: [
      { id: 'client-1', address: '10.1.2.3', labels: { zone: 'a' } },
      { id: 'client-3', address: '10.2.2.3', labels: { zone: 'a' } },
      { id: 'client-3', address: '10.1.2.3', labels: { zone: 'b' } },
      { id: 'client-3', address: '10.1.2.3' },
      { id: 'client-3', labels: { zone: 'a' } },
      noOne,
    ],
  },
}

describe.each(Object.entries(table))('a rule for %s', (_, { rule: given, matched, unmatched }) => {
  const clients = [
    ...matched.map((client) => [client, true] as const),
    ...unmatched.map((client) => [client, false] as const),
  ]

  test.each(clients)('and the client %j: %j', (client, matches) => {
    const checked = checkGrayRule(given)
    expect(matchesRule(checked, toClient(client), filePath(key))).toBe(matches)
    // As it stands in the store, and as a client stands in a request.
    expect(matchesRule(JSON.parse(JSON.stringify(given)) as GrayRule, client, filePath(key))).toBe(matches)
    expect(seen({ gray: checked, full: true, client })).toBe(matches ? 'gray' : 'full')
    expect(seen({ gray: checked, full: false, client })).toBe(matches ? 'gray' : 'nothing')
    expect(seen({ gray: undefined, full: true, client })).toBe('full')
    expect(seen({ gray: undefined, full: false, client })).toBe('nothing')
  })
})

describe('a rule that a later version wrote', () => {
  const everybody = { id: 'client-3', address: '10.1.2.3', labels: { zone: 'a', shard: '5' } }
  const zoneA = { label: 'zone', type: 'exact', value: 'a' }

  test.each([
    ['without anything that is known', { users: ['ann'] }],
    [
      'with a matcher that is not known',
      { labels: [{ label: 'zone', type: 'startsWith', value: 'a' }], percent: 100 },
    ],
    [
      'with a pattern that does not compile here',
      { labels: [{ label: 'zone', type: 'regex', value: '(?=a)a' }] },
    ],
    ['with addresses that are none here', { addresses: ['10.1.2.1-10.1.2.9'] }],
    ['with a part that is not known', { percent: 100, until: { ms: 5 } }],
    ['with a part that is not known, and is empty', { percent: 100, countries: null }],
    ['with a part that is not known, besides labels', { labels: [zoneA], countries: ['DE'] }],
    ['with a matcher that says more than is known', { labels: [{ ...zoneA, caseFold: true }] }],
    ['with addresses of another shape', { percent: 100, addresses: { include: ['10.0.0.0/8'] } }],
    ['with an address of another shape', { addresses: ['10.0.0.0/8', { from: '10.1.2.1' }] }],
    ['with no addresses', { percent: 100, addresses: null }],
    ['with labels of another shape', { percent: 100, labels: { any: [zoneA] } }],
    ['with labels that are null', { percent: 100, labels: null }],
    ['with labels that are none', { percent: 100, labels: [] }],
    ['with a matcher of another shape', { labels: [null] }],
    ['with a label of another shape', { labels: [{ ...zoneA, label: ['zone'] }] }],
    ['with a value of another shape', { labels: [{ ...zoneA, type: 'notEquals', value: { of: 'b' } }] }],
    ['with values of another shape', { labels: [{ label: 'zone', type: 'notIn', values: { of: ['b'] } }] }],
    ['with values that are missing', { labels: [{ label: 'zone', type: 'notIn', value: 'b' }] }],
    ['with values that are no texts', { labels: [{ label: 'zone', type: 'notIn', values: [{ of: 'b' }] }] }],
    ['with a pattern of another shape', { labels: [{ label: 'zone', type: 'regex', value: ['.*'] }] }],
    ['with ends of another shape', { labels: [{ label: 'shard', type: 'range', from: null, to: 9 }] }],
    ['with percent of another shape', { percent: '100' }],
    ['that is no rule here', null],
  ])('%s matches nobody', (_, later) => {
    expect(matchesRule(later as GrayRule, everybody, filePath(key))).toBe(false)
    // Whoever asks or is told is not harmed by it either.
    expect(seen({ gray: later as GrayRule, full: true, client: everybody })).toBe('full')
  })

  test('is no other rule for parts that are not there', () => {
    const written: GrayRule = { labels: undefined, addresses: undefined, percent: 100 }
    expect(matchesRule({ ...written, ...{ until: undefined } }, everybody, filePath(key))).toBe(true)
  })

  test('still matches by the addresses that are known', () => {
    expect(matchesRule({ addresses: ['10.1.2.1-10.1.2.2', '10.1.2.3'] }, everybody, filePath(key))).toBe(true)
  })
})

test('a rule is compiled once and asked often', () => {
  const matches = compileRule({ addresses: ['10.1.0.0/16'], percent: 50 })
  const answers = times(50, (nth) => matches({ id: 'client-3', address: `10.${nth % 2}.0.1` }, filePath(key)))
  expect(answers).toEqual(times(50, (nth) => nth % 2 === 1))
})

interface Situation {
  readonly gray: GrayRule | undefined
  readonly full: boolean
  readonly client: ConfigClient
}

/** What the view of a hub shows. */
function seen({ gray, full, client }: Situation): string {
  const entry = new FileEntry(new GroupEntry(key), key.file)
  const place = { revision: 1, nth: 1 }
  if (full) entry.full = new ReleaseLine(entry.path, infoOf('full'), place)
  if (gray !== undefined) entry.gray = new GrayLine(entry.path, { ...infoOf('gray'), rule: gray }, place)
  return entry.lineFor(toClient(client)).info?.name ?? 'nothing'
}

function infoOf(name: string): ReleaseInfo {
  return {
    ...{ version: 1, name, md5: '', sizeBytes: 0, format: 'text', tags: {}, comment: '', encrypted: false },
    ...{ origin: 'publish', from: undefined, releasedAtMs: 0, actor: '', reason: '' },
  }
}
