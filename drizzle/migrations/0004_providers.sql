ALTER TABLE `vision_gates` DROP CONSTRAINT `vision_gates_name`;--> statement-breakpoint
ALTER TABLE `vision_permits` DROP CONSTRAINT `vision_permits_provider`;--> statement-breakpoint
ALTER TABLE `vision_job_attempts`
  MODIFY COLUMN `analysis_input_tokens` int unsigned,
  MODIFY COLUMN `analysis_cached_tokens` int unsigned,
  MODIFY COLUMN `analysis_output_tokens` int unsigned,
  MODIFY COLUMN `analysis_thinking_tokens` int unsigned,
  MODIFY COLUMN `content_input_tokens` int unsigned,
  MODIFY COLUMN `content_cached_tokens` int unsigned,
  MODIFY COLUMN `content_output_tokens` int unsigned,
  MODIFY COLUMN `content_thinking_tokens` int unsigned;--> statement-breakpoint
UPDATE `vision_jobs` SET `error_code` = CONCAT('analysis', SUBSTRING(`error_code`, 7)) WHERE `error_code` LIKE 'gemini.%';--> statement-breakpoint
UPDATE `vision_jobs` SET `error_code` = CONCAT('content', SUBSTRING(`error_code`, 9)) WHERE `error_code` LIKE 'deepseek.%';--> statement-breakpoint
UPDATE `vision_job_attempts` SET `error_code` = CONCAT('analysis', SUBSTRING(`error_code`, 7)) WHERE `error_code` LIKE 'gemini.%';--> statement-breakpoint
UPDATE `vision_job_attempts` SET `error_code` = CONCAT('content', SUBSTRING(`error_code`, 9)) WHERE `error_code` LIKE 'deepseek.%';--> statement-breakpoint
UPDATE `vision_gates` SET `pause_code` = CONCAT('analysis', SUBSTRING(`pause_code`, 7)) WHERE `pause_code` LIKE 'gemini.%';--> statement-breakpoint
UPDATE `vision_gates` SET `pause_code` = CONCAT('content', SUBSTRING(`pause_code`, 9)) WHERE `pause_code` LIKE 'deepseek.%';