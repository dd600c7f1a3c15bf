/** How a stream stands: `ended` by the server as done, `failed` when it was refused or could not be reached. */
export type FeedStatus = 'open' | 'ended' | 'failed';

export interface FeedState<View> {
  readonly view: View;
  readonly status: FeedStatus;
}

/** A stream folded into a view, in the shape that React's `useSyncExternalStore` asks for. */
export interface Feed<View> {
  /** Opens the stream from its beginning, until the returned function is called. */
  subscribe: (onChange: () => void) => () => void;
  read: () => FeedState<View>;
}

export interface FeedOptions<Event, View> {
  open: (signal: AbortSignal) => AsyncIterable<Event>;
  empty: View;
  /** Folds events into the view, many at once where many came between two frames. */
  add: (view: View, events: readonly Event[]) => View;
  /** Told of the same events, for what they change beside the view. */
  onEvents?: (events: readonly Event[]) => void;
  /** Calls `run` at the next frame; the returned function takes that back. */
  atNextFrame: (run: () => void) => () => void;
}

/** The view is replaced once a frame at most, however fast the events come. */
export function createFeed<Event, View>(options: FeedOptions<Event, View>): Feed<View> {
  const { open, empty, add, onEvents, atNextFrame } = options;
  let state: FeedState<View> = { view: empty, status: 'open' };

  const subscribe = (onChange: () => void) => {
    const change = (changed: Partial<FeedState<View>>) => {
      state = { ...state, ...changed };
      onChange();
    };
    const stop = new AbortController();
    const frames = createFrames<Event>(atNextFrame, (events) => {
      change({ view: add(state.view, events) });
      onEvents?.(events);
    });
    const finish = (status: FeedStatus) => {
      if (!stop.signal.aborted) change({ status });
    };
    change({ view: empty, status: 'open' });
    forEach(open(stop.signal), stop.signal, (event) => frames.push(event)).then(
      () => finish('ended'),
      () => finish('failed'),
    );
    return () => {
      stop.abort();
      frames.drop();
    };
  };
  return { subscribe, read: () => state };
}

/** A stream may still hand out what it had read when it was aborted: that is nobody's any more. */
async function forEach<Event>(events: AsyncIterable<Event>, signal: AbortSignal, take: (event: Event) => void) {
  for await (const event of events) {
    if (signal.aborted) return;
    take(event);
  }
}

/** Hands on what was pushed, once a frame. A hidden page has no frames: what was pushed waits until it is seen. */
function createFrames<Event>(atNextFrame: (run: () => void) => () => void, take: (events: readonly Event[]) => void) {
  let waiting: Event[] = [];
  let cancel: (() => void) | undefined;
  const flush = () => {
    const events = waiting;
    waiting = [];
    cancel = undefined;
    take(events);
  };
  return {
    push(event: Event) {
      waiting.push(event);
      cancel ??= atNextFrame(flush);
    },
    drop() {
      cancel?.();
    },
  };
}
