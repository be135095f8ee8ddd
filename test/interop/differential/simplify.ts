import type { Call, Step } from './step.ts'
import type { Fields, FieldValue } from './wire.ts'

/** Variants of a step that ask for a little less: one element of a list or one field fewer. */
export function* simplerSteps(step: Step): Generator<Step> {
  if (step.type === 'write') {
    for (const call of simplerCalls(step.call)) yield { type: 'write', call }
  } else if (step.type === 'reads' && step.calls.length === 1) {
    for (const call of step.calls.flatMap((each) => [...simplerCalls(each)]))
      yield { type: 'reads', calls: [call] }
  }
}

function* simplerCalls(call: Call): Generator<Call> {
  for (const fields of simplerFields(call.fields)) yield { ...call, fields }
}

function* simplerFields(fields: Fields): Generator<Fields> {
  const entries = Object.entries(fields)
  for (const [name, value] of entries) {
    if (Array.isArray(value)) {
      for (const shorter of simplerLists(value as readonly FieldValue[])) yield { ...fields, [name]: shorter }
    } else if (isFields(value)) {
      for (const simpler of simplerFields(value)) yield { ...fields, [name]: simpler }
    }
    if (name !== 'key') yield Object.fromEntries(entries.filter(([other]) => other !== name))
  }
}

function* simplerLists(list: readonly FieldValue[]): Generator<readonly FieldValue[]> {
  for (let size = list.length; size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < list.length; from += size)
      yield [...list.slice(0, from), ...list.slice(from + size)]
  }
  for (const [index, element] of list.entries()) {
    if (!isFields(element)) continue
    for (const simpler of simplerFields(element)) yield list.with(index, simpler)
  }
}

function isFields(value: FieldValue): value is Fields {
  return (
    typeof value === 'object' &&
    !(value instanceof Uint8Array) &&
    !Array.isArray(value) &&
    !('relative' in value)
  )
}
