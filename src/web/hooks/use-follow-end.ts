import { useLayoutEffect, useRef, useState } from 'react';

/** Pixels from the end that still count as being there. */
const tolerance = 24;

/** Keeps a scrolling block at its end whenever it is drawn, unless the reader has scrolled up. */
export function useFollowEnd<Block extends HTMLElement>() {
  const block = useRef<Block>(null);
  const [following, setFollowing] = useState(true);

  const toEnd = () => scrollToEnd(block.current);
  const onScroll = () => setFollowing(isAtEnd(block.current));
  useLayoutEffect(() => {
    if (following) scrollToEnd(block.current);
  });

  return { block, following, onScroll, toEnd };
}

function scrollToEnd(block: HTMLElement | null): void {
  block?.scrollTo({ top: block.scrollHeight });
}

function isAtEnd(block: HTMLElement | null): boolean {
  return !block || block.scrollHeight - block.scrollTop - block.clientHeight <= tolerance;
}
