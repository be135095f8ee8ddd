/** The path of a request, below where the adapter is mounted. */
export interface RequestPath {
  /** Decoded. Empty ones, of slashes that are doubled or trail, are left out. */
  readonly segments: readonly string[]
  /** What follows the question mark, undecoded. Empty: nothing. */
  readonly query: string
}

const slash = 47

/**
 * Takes a path apart: first at the slashes, then each part is decoded, so that an escaped slash in an id separates nothing.
 *
 * @param url path and query, undecoded
 * @param skip so many segments stand before
 * @returns undefined: an escape stands for nothing
 */
export function parseRequestPath(url: string, skip: number): RequestPath | undefined {
  const mark = url.indexOf('?')
  const end = mark === -1 ? url.length : mark
  const segments: string[] = []
  let skipped = 0
  for (let at = 0; at < end; ) {
    if (url.charCodeAt(at) === slash) {
      at++
      continue
    }
    const next = url.indexOf('/', at)
    const stop = next === -1 || next > end ? end : next
    if (skipped < skip) skipped++
    else {
      const segment = decoded(url.slice(at, stop))
      if (segment === undefined) return undefined
      segments.push(segment)
    }
    at = stop
  }
  return { segments, query: mark === -1 ? '' : url.slice(mark + 1) }
}

function decoded(segment: string): string | undefined {
  if (!segment.includes('%')) return segment
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}

/** How many segments a path has. */
export function segmentCount(path: string): number {
  return path.split('/').filter((segment) => segment !== '').length
}
