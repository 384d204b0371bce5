ALTER TABLE `vision_job_sessions` DROP CONSTRAINT `vision_job_sessions_transport`;--> statement-breakpoint
ALTER TABLE `vision_job_sessions` ADD `slot` varchar(20) character set ascii collate ascii_bin;--> statement-breakpoint
ALTER TABLE `vision_job_sessions` ADD CONSTRAINT `slot` UNIQUE(`user_id`,`slot`);--> statement-breakpoint
ALTER TABLE `vision_job_sessions` ADD CONSTRAINT `vision_job_sessions_transport` CHECK (transport in ('sse', 'trpc', 'wait'));