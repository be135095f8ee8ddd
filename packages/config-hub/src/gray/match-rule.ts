import type { ConfigClient, GrayRule, LabelMatcher } from '../model.ts'
import { canonicalAddress, type Network, NetworkSet, parseAddress, parseNetwork } from './address.ts'
import { bucketCount, bucketOf } from './bucket.ts'
import { compilePattern } from './label-pattern.ts'

/**
 * Whether a client matches a rule.
 *
 * @param client as `toClient` gives it
 * @param path of the file, as `filePath` makes it
 */
export type RuleMatcher = (client: ConfigClient, path: string) => boolean

/** What this version knows of a rule, and of one of its matchers. */
const ruleFields: ReadonlySet<string> = new Set(['labels', 'addresses', 'percent'])
const matcherFields: ReadonlySet<string> = new Set(['label', 'type', 'value', 'values', 'from', 'to'])

/**
 * Makes a rule ready for many questions. It never throws.
 *
 * A later version may have written a rule of which this one does not understand a part: nobody matches it then, rather than too many.
 * Of addresses, those that are none here are left out.
 *
 * @param rule as `checkGrayRule` gives it, or as it stands in the store
 */
export function compileRule(rule: GrayRule): RuleMatcher {
  try {
    return compileKnown(rule)
  } catch {
    return nobody // some part is not what it is here
  }
}

/** @throws an error when it does not understand all of the rule */
function compileKnown(rule: GrayRule): RuleMatcher {
  requireOnly(rule, ruleFields)
  const { labels, addresses, percent } = rule
  requireKnown(labels?.length !== 0)
  // From what costs little to what costs more: most clients do not get further than the first.
  const parts: readonly RuleMatcher[] = [
    ...(labels === undefined ? [] : labels.map(labelMatcher)),
    ...(addresses === undefined ? [] : [addressMatcher(addresses)]),
    ...(percent === undefined ? [] : [percentMatcher(percent)]),
  ]
  if (parts.length === 0) return nobody
  return (client, path) => parts.every((matches) => matches(client, path))
}

/** Compiles the rule for this one question. @param path of the file, as `filePath` makes it */
export function matchesRule(rule: GrayRule, client: ConfigClient, path: string): boolean {
  return compileRule(rule)(client, path)
}

const nobody: RuleMatcher = () => false

/** @throws Error when a part of a rule is none that this version knows */
function requireKnown(isKnown: boolean): void {
  if (!isKnown) throw new Error('a part of the rule is not known here')
}

function requireOnly(part: object, fields: ReadonlySet<string>): void {
  requireKnown(Object.entries(part).every(([name, value]) => value === undefined || fields.has(name)))
}

function labelMatcher(matcher: LabelMatcher): RuleMatcher {
  requireOnly(matcher, matcherFields)
  const matches = valueMatcher(matcher)
  const { label } = matcher
  requireKnown(typeof label === 'string')
  return ({ labels }) => {
    // Objects have more than they own: a label is none of that.
    if (labels === undefined || !Object.hasOwn(labels, label)) return false
    const value = labels[label]
    return value !== undefined && matches(value)
  }
}

function valueMatcher(matcher: LabelMatcher): (value: string) => boolean {
  switch (matcher.type) {
    case 'exact':
    case 'notEquals': {
      const { value: other, type } = matcher
      requireKnown(typeof other === 'string')
      return type === 'exact' ? (value) => value === other : (value) => value !== other
    }
    case 'in':
    case 'notIn': {
      const { values, type } = matcher
      requireKnown(values.every((value) => typeof value === 'string'))
      const others = new Set(values)
      return type === 'in' ? (value) => others.has(value) : (value) => !others.has(value)
    }
    case 'regex': {
      const pattern = compilePattern(matcher.value)
      return (value) => pattern.matches(value)
    }
    case 'range':
      requireKnown(typeof matcher.from === 'number' && typeof matcher.to === 'number')
      return (value) => isBetween(value, matcher)
    default:
      return () => false
  }
}

/** Decimal integers. `1.0`, `1e3`, `0x10`, `+1` and ` 1` are texts. */
const integer = /^-?\d{1,16}$/

function isBetween(text: string, { from, to }: { readonly from: number; readonly to: number }): boolean {
  if (!integer.test(text)) return false
  const value = Number(text)
  return Number.isSafeInteger(value) && value >= from && value <= to
}

function addressMatcher(addresses: readonly string[]): RuleMatcher {
  const networks = new NetworkSet(
    addresses.map(parseNetwork).filter((network): network is Network => network !== undefined),
  )
  return ({ address }) => {
    const parsed = address === undefined ? undefined : parseAddress(address)
    return parsed !== undefined && networks.has(parsed)
  }
}

function percentMatcher(percent: number): RuleMatcher {
  requireKnown(typeof percent === 'number')
  const bucketsEnd = Math.round((percent * bucketCount) / 100)
  return ({ id, address }, path) => {
    const who = id === undefined || id === '' ? canonicalAddress(address ?? '') : id
    return who !== undefined && bucketOf(path, who) < bucketsEnd
  }
}
