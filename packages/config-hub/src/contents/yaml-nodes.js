import { isAlias, isCollection, isMap, isPair, isScalar } from 'yaml'
import { refuseAt } from './fault.js'

/** @import { Node } from 'yaml' */

/** What contents without aliases never come to, at the size that they may have. */
const expandedMaxNodes = 2_000_000

/**
 * What is only seen when the nodes of a document are there: names twice in a mapping, aliases of nothing, and aliases of aliases of aliases
 * which are more than any reader can hold. They are counted, never followed.
 *
 * @param {string} content
 * @param {Node | null} root
 * @throws {ContentFault}
 */
export function checkNodes(content, root) {
  if (root !== null) new NodeCheck(content).count(root)
}

class NodeCheck {
  /**
   * How many nodes each anchor stands for; undefined while that is being counted.
   *
   * @type {Map<string, number | undefined>}
   */
  #anchors = new Map()
  #content

  /** @param {string} content */
  constructor(content) {
    this.#content = content
  }

  /**
   * @param {unknown} node
   * @returns {number} how many nodes it is when all aliases in it are replaced by what they stand for
   */
  count(node) {
    if (isAlias(node)) return this.#countAlias(node.source, offsetOf(node))
    const anchor = isScalar(node) || isCollection(node) ? node.anchor : undefined
    if (anchor !== undefined) this.#anchors.set(anchor, undefined)
    const nodes = isCollection(node) ? this.#countItems(node.items, isMap(node)) : 1
    if (nodes > expandedMaxNodes) {
      this.#refuse(node, `aliases must not stand for more than ${expandedMaxNodes} nodes`)
    }
    if (anchor !== undefined) this.#anchors.set(anchor, nodes)
    return nodes
  }

  /**
   * @param {string} anchor
   * @param {number} offset
   * @returns {number}
   */
  #countAlias(anchor, offset) {
    if (!this.#anchors.has(anchor)) refuseAt(this.#content, offset, 'the alias has no anchor before it')
    const nodes = this.#anchors.get(anchor)
    if (nodes === undefined) refuseAt(this.#content, offset, 'the alias stands in what it stands for')
    return nodes
  }

  /**
   * @param {readonly unknown[]} items
   * @param {boolean} isMapping
   * @returns {number}
   */
  #countItems(items, isMapping) {
    /** @type {Set<unknown>} */
    const names = new Set()
    let nodes = 1
    for (const item of items) {
      if (!isPair(item)) {
        nodes += this.count(item)
        continue
      }
      if (isMapping) this.#checkName(names, item.key)
      nodes +=
        (item.key === null ? 1 : this.count(item.key)) + (item.value === null ? 1 : this.count(item.value))
    }
    return nodes
  }

  /**
   * @param {Set<unknown>} names
   * @param {unknown} key
   */
  #checkName(names, key) {
    // What several readers take as `merge` may stand there more than once; what is a collection, nobody compares.
    if (!isScalar(key) || key.value === '<<') return
    if (names.has(key.value)) this.#refuse(key, 'the name is there twice')
    names.add(key.value)
  }

  /**
   * @param {unknown} node
   * @param {string} reason
   * @returns {never}
   */
  #refuse(node, reason) {
    return refuseAt(this.#content, offsetOf(node), reason)
  }
}

/** @param {unknown} node */
function offsetOf(node) {
  if (isAlias(node) || isScalar(node) || isCollection(node)) return node.range?.[0] ?? 0
  return 0
}
