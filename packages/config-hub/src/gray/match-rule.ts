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

/**
 * Makes a rule ready for many questions.
 *
 * A later version may have written a rule of which this one does not understand a part: nobody matches it then, rather than too many.
 *
 * @param rule as `checkGrayRule` gives it, or as it stands in the store
 */
export function compileRule({ labels, addresses, percent }: GrayRule): RuleMatcher {
  // From what costs little to what costs more: most clients do not get further than the first.
  const parts: readonly RuleMatcher[] = [
    ...(labels ?? []).map(labelMatcher),
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

function labelMatcher(matcher: LabelMatcher): RuleMatcher {
  const matches = valueMatcher(matcher)
  const { label } = matcher
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
      return (value) => value === matcher.value
    case 'notEquals':
      return (value) => value !== matcher.value
    case 'in': {
      const values = new Set(matcher.values)
      return (value) => values.has(value)
    }
    case 'notIn': {
      const values = new Set(matcher.values)
      return (value) => !values.has(value)
    }
    case 'regex':
      return patternMatcher(matcher.value)
    case 'range':
      return (value) => isBetween(value, matcher)
    default:
      return () => false
  }
}

function patternMatcher(pattern: string): (value: string) => boolean {
  try {
    const compiled = compilePattern(pattern)
    return (value) => compiled.matches(value)
  } catch {
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
  const bucketsEnd = Math.round((percent * bucketCount) / 100)
  return ({ id, address }, path) => {
    const who = id === undefined || id === '' ? canonicalAddress(address ?? '') : id
    return who !== undefined && bucketOf(path, who) < bucketsEnd
  }
}
