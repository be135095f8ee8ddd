import { HttpApiError } from './errors.ts'

/**
 * Options that are integers, complete.
 *
 * @param defaults what is used when one is absent
 * @param mins the smallest that each may be
 * @throws HttpApiError `HTTP_API_OPTION_INVALID`
 */
export function resolveIntegers<Name extends string>(
  options: { readonly [Option in Name]?: number | undefined },
  defaults: Readonly<Record<Name, number>>,
  mins: Readonly<Record<Name, number>>,
): Readonly<Record<Name, number>> {
  const resolved: Record<Name, number> = { ...mins }
  for (const name of Object.keys(mins) as Name[]) {
    const value = options[name] ?? defaults[name]
    if (!Number.isSafeInteger(value) || value < mins[name]) {
      throw new HttpApiError(
        'HTTP_API_OPTION_INVALID',
        `${name} is an integer from ${mins[name]} on, got ${value}`,
      )
    }
    resolved[name] = value
  }
  return resolved
}
