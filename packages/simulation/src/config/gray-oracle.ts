import type { ConfigClient, GrayRule, LabelMatcher } from '@orrery/config-hub'

/**
 * Whether a client matches a rule, worked out plainly and anew for each question.
 *
 * @param client with an address of IPv4, if it has one
 * @param path of the file in the store, as `pathOf` gives it
 */
export function matchesPlainly(
  { labels = [], addresses, percent }: GrayRule,
  client: ConfigClient,
  path: string,
): boolean {
  const { id, address = '', labels: own = {} } = client
  if (!labels.every((matcher) => matchesLabel(matcher, own[matcher.label]))) return false
  if (addresses !== undefined && !addresses.some((network) => isIn(network, address))) return false
  if (percent === undefined) return true
  const who = id ?? address
  return who !== '' && bucketOf(path, who) < Math.round(percent * 100)
}

function matchesLabel(matcher: LabelMatcher, value: string | undefined): boolean {
  if (value === undefined) return false
  switch (matcher.type) {
    case 'exact':
      return value === matcher.value
    case 'notEquals':
      return value !== matcher.value
    case 'in':
      return matcher.values.includes(value)
    case 'notIn':
      return !matcher.values.includes(value)
    case 'regex':
      // What is drawn means the same to both kinds of expressions.
      return new RegExp(`^(?:${matcher.value})$`, 'u').test(value)
    case 'range':
      return /^-?\d+$/.test(value) && Number(value) >= matcher.from && Number(value) <= matcher.to
  }
}

/** @param network `10.1.2.3`, or `10.1.0.0/16` */
function isIn(network: string, address: string): boolean {
  const [base = '', length = '32'] = network.split('/')
  const size = 2 ** (32 - Number(length))
  return address !== '' && Math.floor(numberOf(base) / size) === Math.floor(numberOf(address) / size)
}

function numberOf(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
}

/** Of 10 000: FNV-1a over the bytes of the UTF-16 code units of path, a zero and name, then the last step of MurmurHash3. */
function bucketOf(path: string, who: string): number {
  let state = 0x811c9dc5n
  for (const byte of Buffer.from(`${path}\0${who}`, 'utf16le')) {
    state = ((state ^ BigInt(byte)) * 0x01000193n) & 0xffffffffn
  }
  state = ((state ^ (state >> 16n)) * 0x85ebca6bn) & 0xffffffffn
  state = ((state ^ (state >> 13n)) * 0xc2b2ae35n) & 0xffffffffn
  return Number((state ^ (state >> 16n)) % 10_000n)
}
