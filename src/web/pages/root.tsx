import { useQuery } from '@tanstack/react-query';
import { Outlet } from '@tanstack/react-router';
import { useClient } from '../client-context.ts';
import { PageHeader } from '../parts/page-header.tsx';
import { ProblemNotice } from '../parts/problem-notice.tsx';
import { isSignedOut, sessionQuery } from '../queries.ts';
import { SignedOutPage } from './signed-out.tsx';

/** Every page, once it is known who reads it. */
export function RootPage() {
  const { data: session, error } = useQuery(sessionQuery(useClient()));
  if (isSignedOut(error)) return <SignedOutPage />;
  if (session) {
    return (
      <>
        <PageHeader session={session} />
        <Outlet />
      </>
    );
  }
  return <main>{error ? <ProblemNotice error={error} /> : <p className="placeholder">Loading…</p>}</main>;
}
