import { createRootRoute, createRoute, createRouter } from '@tanstack/react-router';
import { NewRunPage } from './pages/new-run.tsx';
import { NotFoundPage } from './pages/not-found.tsx';
import { RootPage } from './pages/root.tsx';
import { RunPage } from './pages/run.tsx';
import { RunsPage } from './pages/runs.tsx';

const rootRoute = createRootRoute({ component: RootPage, notFoundComponent: NotFoundPage });

const runsRoute = createRoute({ getParentRoute: () => rootRoute, path: '/', component: RunsPage });

const newRunRoute = createRoute({ getParentRoute: () => rootRoute, path: '/runs/new', component: NewRunPage });

interface RunSearch {
  /** Absent: the transcript. */
  view?: 'console';
}

const runRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/runs/$runId',
  component: RunPage,
  validateSearch: ({ view }: Record<string, unknown>): RunSearch => (view === 'console' ? { view } : {}),
});

export function createAppRouter() {
  return createRouter({ routeTree: rootRoute.addChildren([runsRoute, newRunRoute, runRoute]) });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
