import './no-eval.ts';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { createClient } from '../client/client.ts';
import { ClientContext } from './client-context.ts';
import { createQueryClient } from './queries.ts';
import { createAppRouter } from './routes.tsx';
import './styles/index.css';

const root = document.getElementById('app');
if (!root) throw new Error('The page has no element #app.');

createRoot(root).render(
  <StrictMode>
    <ClientContext value={createClient({ rootUrl: '', credential: 'cookie' })}>
      <QueryClientProvider client={createQueryClient()}>
        <RouterProvider router={createAppRouter()} />
      </QueryClientProvider>
    </ClientContext>
  </StrictMode>,
);
