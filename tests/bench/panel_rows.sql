-- What a panel knows after some years, made of one deployment that was staged for real.

-- An id like any other; those of higher numbers are newer.
create function bench_id(kind text, number bigint) returns text language sql immutable as $$
    select '01' || kind || lpad(to_hex(number), 23, '0')
$$;

create function bench_domain(number bigint) returns text language sql immutable as $$
    select 'd' || number || '.bench.localhost'
$$;

-- An operator's deployments, of which each was deployed `runs` times: revision n by run n.
create function bench_deployments(pattern text, owner text, who text, first integer, many integer,
    runs integer)
returns void language sql as $$
    insert into domains (name, operator)
    select bench_domain(n), owner from generate_series(first, first + many - 1) n;

    insert into deployments (id, operator, domain, version, created_at, routes)
    select bench_id('d', n), owner, bench_domain(n), runs,
        now() - interval '2 years' + n * interval '1 minute',
        jsonb_build_array(jsonb_build_object('application', 'hello',
            'host', 'hello.' || bench_domain(n), 'url', 'http://hello.' || bench_domain(n)))
    from generate_series(first, first + many - 1) n;

    insert into hosts (host, deployment, application)
    select it ->> 'application' || '.' || bench_domain(n), bench_id('d', n), it ->> 'application'
    from generate_series(first, first + many - 1) n,
        configurations c, jsonb_array_elements(c.applications) it
    where c.deployment = pattern;

    -- One of ten has changes that nobody deployed yet.
    insert into configurations (deployment, version, applications, staged_by)
    select bench_id('d', n), runs + (n % 10 = 0)::integer,
        replace(c.applications::text, d.domain, bench_domain(n))::jsonb, who
    from generate_series(first, first + many - 1) n,
        configurations c join deployments d on d.id = c.deployment
    where c.deployment = pattern;

    insert into revisions (deployment, number, configuration, applications, resources, created_by,
        created_at, deployed_at)
    select bench_id('d', n), turn, turn,
        replace(r.applications::text, d.domain, bench_domain(n))::jsonb, r.resources, who,
        now() - interval '1 year', now() - interval '1 year'
    from generate_series(first, first + many - 1) n, generate_series(1, runs) turn,
        revisions r join deployments d on d.id = r.deployment
    where r.deployment = pattern;

    update deployments set deployed_revision = runs, running_revision = runs
    where operator = owner and id <> pattern;
$$;

-- Their runs: mostly deploys, some backups and restarts; one of eleven failed.
create function bench_runs(owner text, who text, first integer, many integer, runs integer)
returns void language sql as $$
    insert into runs (id, operator, number, deployment, kind, revision, state, requested_by,
        created_at, started_at, ended_at, changed, sequence, failure)
    select bench_id('e', turn * 100000 + first + n), owner, turn * many + n,
        bench_id('d', first + n),
        case when turn % 5 = 4 then 'backup' when turn % 7 = 6 then 'restart' else 'deploy' end,
        turn, case when (n + turn) % 11 = 0 then 'failed' else 'succeeded' end, who,
        at, at + interval '1 second', at + interval '41 seconds', true, 20,
        case when (n + turn) % 11 = 0 then jsonb_build_object(
            'failure', jsonb_build_object(
                'code', 'machine.disk_full', 'message', 'The disk is full.', 'retryable', true),
            'service', 'deployer', 'stage', 'switch', 'outcome', 'unchanged') end
    from generate_series(1, runs) turn, generate_series(0, many - 1) n,
        lateral (select now() - interval '1 year' + (turn * many + n) * interval '20 seconds'
            as at) it;
    update operators set last_run_number = (runs + 1) * many where id = owner;
$$;

-- What was done in each of them: steps, five lines of log per event, and the end.
create function bench_work(owner text, kinds text[], positions integer[], services text[],
    names text[])
returns void language sql as $$
    insert into run_steps (run, position, service, name, status, attempt, settled, started_at,
        ended_at)
    select r.id, s.position, s.service, s.name, 'succeeded', 1, true,
        r.started_at + s.position * interval '2 seconds',
        r.started_at + s.position * interval '2 seconds' + interval '1.7 seconds'
    from runs r
    join unnest(kinds, positions, services, names) as s (kind, position, service, name)
        on s.kind = r.kind
    where r.operator = owner and r.sequence = 20;

    insert into run_events (run, sequence, at, kind, body)
    select r.id, e, r.started_at + e * interval '2 seconds',
        case e when 1 then 'state' when 20 then 'end' else 'log' end,
        case e when 1 then '{"state": "running"}'::jsonb
            when 20 then jsonb_build_object('state', r.state)
            else jsonb_build_object('service', 'deployer', 'step', 'build', 'lines', (
                select jsonb_agg('copying path ' || e || '.' || line || ' of what it needs')
                from generate_series(1, 5) line)) end
    from runs r, generate_series(1, 20) e
    where r.operator = owner and r.sequence = 20;
$$;

-- What follows from them: backups, deeds, and notifications, of which a few are unread.
create function bench_traces(owner text, who text, first integer)
returns void language sql as $$
    insert into backups (id, operator, deployment, revision, state, automatic, run, created_at,
        taken_at, bytes, content)
    select id, operator, deployment, revision, 'complete', false, id, created_at, ended_at,
        123456789, jsonb_build_array(jsonb_build_object('application', 'hello',
            'version', '1.0.0', 'rows', 300, 'files', 2000, 'objects', 2000, 'bytes', 123456789))
    from runs
    where operator = owner and sequence = 20 and kind = 'backup' and state = 'succeeded';

    insert into audit (id, at, person, operator, action, object, details)
    select bench_id('f', first * 100000::bigint + number), created_at, who, owner,
        'run.requested', id, jsonb_build_object('kind', kind, 'deployment', deployment)
    from runs where operator = owner and sequence = 20;

    insert into notifications (id, person, operator, type, data, created_at, read_at)
    select bench_id('b', first * 100000::bigint + r.number), who, owner, 'run.' || r.state,
        jsonb_build_object('id', r.id, 'number', r.number, 'kind', r.kind, 'state', r.state,
            'deployment', r.deployment, 'domain', d.domain, 'revision', r.revision,
            'address', '/api/v1/runs/' || r.id),
        r.created_at, case when r.number % 1000 > 0 then now() end
    from runs r join deployments d on d.id = r.deployment
    where r.operator = owner and r.sequence = 20;
$$;

-- The newest run of every deployment goes on again, in its first step.
create function bench_reopen(owner text) returns void language sql as $$
    update runs set state = 'running', ended_at = null, failure = null, changed = null
    where id in (
        select distinct on (deployment) id from runs
        where operator = owner and sequence = 20 order by deployment, id desc);
    update run_steps set status = 'pending', settled = false, started_at = null, ended_at = null
    from runs where runs.id = run and runs.operator = owner and runs.state = 'running';
    delete from run_events using runs
    where runs.id = run and runs.operator = owner and runs.state = 'running'
        and run_events.sequence = 20;
$$;
