/** Finds any of many needles in one pass over a stream of bytes, whatever their number: Aho and Corasick's automaton. */
export interface NeedleSearch {
  /** Where the search begins. */
  readonly start: SearchState;
  /** Reads on from `state`; `found` is told the end of each match in these bytes, and how long the longest one there is. */
  run(state: SearchState, bytes: Buffer, found: (end: number, length: number) => void): SearchState;
  /** How many of the bytes read last may be the beginning of a needle. */
  openLength(state: SearchState): number;
}

/** A node of the tree of all needles: the longest end of what was read that begins a needle. */
export type SearchState = number;

const root = 0;

export function createNeedleSearch(needles: readonly Buffer[]): NeedleSearch {
  const tree = growTree(needles);
  const { edges, matchLength } = tree;
  const { fallback, openLength } = linkTree(tree);
  /** Most bytes are read at the root: there a look-up is one access. */
  const first = Int32Array.from({ length: 256 }, (_, byte) => edges.get(edgeKey(root, byte)) ?? root);
  return {
    start: root,
    run(state, bytes, found) {
      let node = state;
      for (let at = 0; at < bytes.length; at += 1) {
        const byte = bytes[at]!;
        let next = node === root ? undefined : edges.get(edgeKey(node, byte));
        while (next === undefined && node !== root) {
          node = fallback[node]!;
          if (node !== root) next = edges.get(edgeKey(node, byte));
        }
        node = next ?? first[byte]!;
        if (matchLength[node]! > 0) found(at + 1, matchLength[node]!);
      }
      return node;
    },
    openLength: (state) => openLength[state]!,
  };
}

interface Tree {
  /** From a node and a byte to the node below. */
  edges: Map<number, number>;
  parent: number[];
  lastByte: number[];
  depth: number[];
  /** Length of the longest needle that ends here; 0 is none. */
  matchLength: number[];
  hasChildren: boolean[];
}

function growTree(needles: readonly Buffer[]): Tree {
  const tree: Tree = {
    edges: new Map(),
    parent: [root],
    lastByte: [0],
    depth: [0],
    matchLength: [0],
    hasChildren: [false],
  };
  for (const needle of needles) {
    const end = needle.reduce((node, byte) => tree.edges.get(edgeKey(node, byte)) ?? addNode(tree, node, byte), root);
    tree.matchLength[end] = needle.length;
  }
  return tree;
}

function addNode(tree: Tree, parent: number, byte: number): number {
  const node = tree.parent.push(parent) - 1;
  tree.edges.set(edgeKey(parent, byte), node);
  tree.hasChildren[parent] = true;
  tree.lastByte.push(byte);
  tree.depth.push(tree.depth[parent]! + 1);
  tree.matchLength.push(0);
  tree.hasChildren.push(false);
  return node;
}

/**
 * Finds for each node the one to go on from where no edge fits: its longest proper end that begins a needle. Goes by
 * depth, because each is found from a shallower one. Completes `matchLength` by the needles that end within others.
 */
function linkTree({ edges, parent, lastByte, depth, matchLength, hasChildren }: Tree) {
  const fallback = new Int32Array(parent.length);
  const openLength = new Int32Array(parent.length);
  const byDepth = Array.from(parent.keys()).sort((a, b) => depth[a]! - depth[b]!);
  for (const node of byDepth.slice(1)) {
    const byte = lastByte[node]!;
    let from = parent[node]!;
    let link: number | undefined;
    while (from !== root && link === undefined) {
      from = fallback[from]!;
      link = edges.get(edgeKey(from, byte));
    }
    fallback[node] = link ?? root;
    matchLength[node] ||= matchLength[fallback[node]]!;
    openLength[node] = hasChildren[node] ? depth[node]! : openLength[fallback[node]]!;
  }
  return { fallback, openLength };
}

function edgeKey(node: number, byte: number): number {
  return node * 256 + byte;
}
