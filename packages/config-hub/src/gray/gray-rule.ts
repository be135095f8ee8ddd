import { configLimits as limits } from '../limits.ts'
import type { GrayRule, LabelMatcher } from '../model.ts'
import {
  arrayOf,
  checkEntryKey,
  integerOf,
  kindOf,
  objectOf,
  refuse,
  someTextOf,
  textOf,
} from '../validate/fields.ts'
import { networkText, parseNetwork } from './address.ts'
import { compilePattern } from './label-pattern.ts'

/**
 * A frozen copy of a rule: networks in the one form that everybody writes them in, what is there twice once. A list that is given is not
 * empty: whether it would mean everybody or nobody is not left to a guess.
 *
 * @throws ConfigError `CONFIG_INVALID`
 */
export function checkGrayRule(rule: unknown): GrayRule {
  const { labels, addresses, percent } = objectOf(rule, 'rule')
  if (labels === undefined && addresses === undefined && percent === undefined) {
    refuse('rule', 'must have labels, addresses or percent')
  }
  return Object.freeze({
    ...(labels === undefined ? {} : { labels: labelsOf(labels) }),
    ...(addresses === undefined ? {} : { addresses: addressesOf(addresses) }),
    ...(percent === undefined ? {} : { percent: percentOf(percent) }),
  })
}

function labelsOf(value: unknown): readonly LabelMatcher[] {
  const matchers = arrayOf(value, 'rule.labels', { min: 1, max: limits.matchersMaxItems })
  return Object.freeze(matchers.map((matcher, at) => Object.freeze(matcherOf(matcher, `rule.labels.${at}`))))
}

function matcherOf(value: unknown, field: string): LabelMatcher {
  const given = objectOf(value, field)
  const label = someTextOf(given['label'], `${field}.label`, limits.metadataKeyMaxChars)
  checkEntryKey(label, field) // no client has others
  switch (given['type']) {
    case 'exact':
    case 'notEquals':
      return { label, type: given['type'], value: valueOf(given['value'], `${field}.value`) }
    case 'in':
    case 'notIn':
      return { label, type: given['type'], values: valuesOf(given['values'], `${field}.values`) }
    case 'regex':
      return { label, type: 'regex', value: patternOf(given['value'], `${field}.value`) }
    case 'range':
      return { label, type: 'range', ...rangeOf(given, field) }
    default:
      return refuse(`${field}.type`, 'must be exact, notEquals, in, notIn, regex or range')
  }
}

function valueOf(value: unknown, field: string): string {
  return textOf(value, field, limits.metadataValueMaxChars)
}

function valuesOf(value: unknown, field: string): readonly string[] {
  const values = arrayOf(value, field, { min: 1, max: limits.matcherMaxValues })
  return Object.freeze([...new Set(values.map((item) => valueOf(item, field)))])
}

function patternOf(value: unknown, field: string): string {
  const pattern = textOf(value, field, limits.patternMaxChars)
  try {
    compilePattern(pattern)
  } catch (error) {
    refuse(field, error instanceof Error ? error.message : 'must be a regular expression')
  }
  return pattern
}

function rangeOf(
  given: Readonly<Record<string, unknown>>,
  field: string,
): { readonly from: number; readonly to: number } {
  const from = integerOf(given['from'], `${field}.from`, { min: Number.MIN_SAFE_INTEGER })
  const to = integerOf(given['to'], `${field}.to`, { min: Number.MIN_SAFE_INTEGER })
  if (from > to) refuse(`${field}.from`, `must be at most ${to}, which is to, got ${from}`)
  return { from, to }
}

function addressesOf(value: unknown): readonly string[] {
  const field = 'rule.addresses'
  const addresses = arrayOf(value, field, { min: 1, max: limits.matcherMaxValues }).map((item) => {
    const network = parseNetwork(textOf(item, field, limits.addressMaxChars))
    if (network === undefined) {
      refuse(
        field,
        'must be addresses and networks of IPv4 and IPv6, such as 10.1.2.3, 10.1.0.0/16, 2001:db8::/32',
      )
    }
    return networkText(network)
  })
  return Object.freeze([...new Set(addresses)])
}

function percentOf(value: unknown): number {
  if (typeof value !== 'number') refuse('rule.percent', `must be a number, got ${kindOf(value)}`)
  // Hundredths are no binary fractions: whether it is one is seen by whether rounding to one changes it.
  const isHundredth = Math.round(value * 100) / 100 === value
  if (!(value >= 0 && value <= 100 && isHundredth)) {
    refuse('rule.percent', `must be from 0 to 100 in steps of 0.01, got ${value}`)
  }
  return value === 0 ? 0 : value
}
