import type { Model } from './linearizability.ts'

/** An operation on one of several registers. */
export type RegisterInput =
  | { readonly type: 'read'; readonly key: string }
  | { readonly type: 'write'; readonly key: string; readonly value: number }
  | { readonly type: 'cas'; readonly key: string; readonly expected: number; readonly value: number }

/** - of a `read`: the value
 *  - of a `cas`: whether the value was the expected one, and was replaced
 *  - of a `write`: anything, for example true */
export type RegisterOutput = number | boolean

/** Registers that hold 0 until they are written. Each is a part of its own. */
export const registerModel: Model<number, RegisterInput, RegisterOutput> = {
  initial: 0,
  step: (state, input, output) => {
    switch (input.type) {
      case 'read':
        return output === state || output === undefined ? state : undefined
      case 'write':
        return input.value
      case 'cas': {
        const isExpected = state === input.expected
        if (output !== undefined && output !== isExpected) return undefined
        return isExpected ? input.value : state
      }
    }
  },
  keyOf: (state) => state,
  changes: ({ type }) => type !== 'read',
  partOf: ({ key }) => key,
  describe: (input, output) => `${JSON.stringify(input)} -> ${String(output)}`,
}

/** An operation on a store that counts revisions. */
export type RevisionInput =
  | { readonly type: 'get'; readonly key: string }
  | { readonly type: 'put'; readonly key: string; readonly value: string }
  | { readonly type: 'delete'; readonly key: string }
  /** Puts if the key was last changed at a revision; 0: if there is no such key. */
  | { readonly type: 'putIf'; readonly key: string; readonly value: string; readonly modRevision: number }

/** What such an operation answers. */
export interface RevisionOutput {
  /** Of the store, after the operation. */
  readonly revision: number
  /** Of a `get`: what is there; undefined: nothing. */
  readonly found?: { readonly value: string; readonly modRevision: number } | undefined
  /** Of a `putIf`: whether it put. */
  readonly isDone?: boolean
}

/** See {@link createRevisionModel}. */
export interface RevisionState {
  readonly revision: number
  readonly keys: ReadonlyMap<string, { readonly value: string; readonly modRevision: number }>
}

/**
 * A store in which every change has the next revision. It has no parts, as all keys share the revisions; but
 * these leave the search hardly a choice.
 *
 * @param initialRevision of the empty store; etcd's is 1
 */
export function createRevisionModel(
  initialRevision = 1,
): Model<RevisionState, RevisionInput, RevisionOutput> {
  return {
    initial: { revision: initialRevision, keys: new Map() },
    step: (state, input, output) => {
      const after = applyRevision(state, input)
      if (output === undefined) return after
      if (output.revision !== after.revision) return undefined
      const found = state.keys.get(input.key)
      if (input.type === 'get') {
        const isSame =
          found?.value === output.found?.value && found?.modRevision === output.found?.modRevision
        return isSame ? after : undefined
      }
      if (input.type === 'putIf' && output.isDone !== (after !== state)) return undefined
      return after
    },
    keyOf: ({ revision, keys }) =>
      `${revision} ${[...keys]
        .map(([key, { value, modRevision }]) => `${key}=${value}@${modRevision}`)
        .sort()
        .join()}`,
    changes: ({ type }) => type !== 'get',
    describe: (input, output) => `${JSON.stringify(input)} -> ${JSON.stringify(output)}`,
  }
}

function applyRevision(state: RevisionState, input: RevisionInput): RevisionState {
  if (input.type === 'get') return state
  const current = state.keys.get(input.key)
  if (input.type === 'putIf' && (current?.modRevision ?? 0) !== input.modRevision) return state
  if (input.type === 'delete' && current === undefined) return state
  const revision = state.revision + 1
  const keys = new Map(state.keys)
  if (input.type === 'delete') keys.delete(input.key)
  else keys.set(input.key, { value: input.value, modRevision: revision })
  return { revision, keys }
}
