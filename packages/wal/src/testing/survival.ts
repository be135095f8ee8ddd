import type { Random } from '@orrery/environment'
import type { PieceSurvives } from './simulated-file.ts'

/** What survives of that which was not synced when the power fails. What was synced always does. */
export type Survival =
  | { readonly type: 'nothing' }
  | { readonly type: 'everything' }
  /** All names, and the first `bytes` of all un-synced data, file by file in the order of writing. */
  | { readonly type: 'prefix'; readonly bytes: number }
  /** Each sector of each write, and each change of a directory, with a probability of one half. */
  | { readonly type: 'random'; readonly random: Random }

/** How a survival decides over pieces of data and changes of names. */
export function choices(survival: Survival): { pieces: PieceSurvives; names: () => boolean } {
  switch (survival.type) {
    case 'nothing':
      return { pieces: ({ bytes }) => (bytes === 0 ? -1 : 0), names: () => false }
    case 'everything':
      return { pieces: ({ bytes }) => bytes, names: () => true }
    case 'prefix': {
      let left = survival.bytes
      const pieces: PieceSurvives = ({ bytes }) => {
        const taken = Math.min(left, bytes)
        left -= taken
        return taken
      }
      return { pieces, names: () => true }
    }
    case 'random': {
      const { random } = survival
      const heads = (): boolean => random.below(2) === 1
      return { pieces: ({ bytes }) => (heads() ? bytes : bytes === 0 ? -1 : 0), names: heads }
    }
  }
}
