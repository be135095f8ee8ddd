/**
 * Something that cannot happen has happened: a bug in Orrery, not in its input. State may be half updated,
 * so the component that threw it must not be used any further. Nothing below the host catches it.
 */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}

/**
 * Checks what must hold by construction. Always on: a stopped member is repaired, a wrong answer is not.
 *
 * @throws InvariantError when `condition` is false
 */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message)
}

/**
 * The last branch of an exhaustive `switch`. The type checker refuses the call when a case is missing.
 *
 * @throws InvariantError always
 */
export function unreachable(value: never): never {
  throw new InvariantError(`unexpected value ${String(value)}`)
}
