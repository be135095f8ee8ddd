import { RE2JS } from 're2js'
import { configLimits } from '../limits.ts'

/** A pattern that labels are compared with. */
export interface LabelPattern {
  /** Of the whole value. Time is in proportion to its length, which is bounded: what is longer does not match. */
  matches(value: string): boolean
}

/** Repeats that a pattern asks for, of a group or of something else: `{3}`, `{3,}`, `{3,5}`. What else looks so is a part of the text. */
const repeats = /(\)?)\{(\d+)(?:,(\d*))?\}/g

/** Repeats within repeats that the syntax allows, all together. Source: RE2, maximum repeat count. */
const repeatsMax = 1_000

/** Steps that are made before the pattern is looked at again: some ten ms' worth. */
const compileMaxSteps = 50_000

/** @throws Error a message for whoever wrote the pattern: it is none, or it takes too much work */
export function compilePattern(pattern: string): LabelPattern {
  const { patternMaxSteps, patternValueMaxChars } = configLimits
  // Repeats are written out when a pattern is compiled, which takes long before its size is known.
  if (pattern.length * mostRepeats(pattern) > compileMaxSteps) throw new Error(tooMuch)
  const compiled = RE2JS.compile(pattern)
  if (compiled.programSize() > patternMaxSteps) throw new Error(tooMuch)
  return { matches: (value) => value.length <= patternValueMaxChars && compiled.testExact(value) }
}

const tooMuch = 'takes too much work: fewer or shorter repeats'

/** No part of the pattern is written out more often: only groups can have repeats in them, and so multiply. */
function mostRepeats(pattern: string): number {
  let [ofGroups, ofOthers] = [1, 1]
  for (const [, end, from = '', to = ''] of pattern.matchAll(repeats)) {
    const count = Math.max(1, Number(from), Number(to))
    if (end === ')') ofGroups *= count
    else ofOthers = Math.max(ofOthers, count)
  }
  return Math.min(ofGroups * ofOthers, repeatsMax)
}
