/** A promise that fails with whatever it was. */
export function rejected(error: unknown): Promise<never> {
  const reason = error as Error
  return Promise.reject(reason)
}
