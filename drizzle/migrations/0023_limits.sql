ALTER TABLE `vision_users` ADD `jobs_in_flight` int unsigned, ADD `jobs_waiting` int unsigned, ADD `jobs_per_day` int unsigned,
  ADD `cost_per_day` bigint, ADD `uploads_per_day` int unsigned, ADD `upload_bytes_per_day` bigint;
